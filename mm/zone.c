#include "mm/zone.h"
