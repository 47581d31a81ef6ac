/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot.pml: the slot word (proto/include/proto/slot.h), checked by spin in every order of steps.
 *
 * One slot, threads of its client that pin and unpin, and the daemon, which moves, discards, renews
 * and frees the block, uses the slot for another one, and may die at any time. A step is one atomic
 * operation on the word; what is between two of them can be passed by everybody else.
 *
 * What is asserted: a pinned block is neither moved nor discarded, and its content is what was last
 * written; a pin is of the block that it was meant for, not of the slot's next one; no pin is lost
 * and none is left. And nobody sleeps for ever: a sleeper looks again by itself only when the daemon
 * is dead, so that a wake-up that is lost is an invalid end state here (and not only 100 ms late).
 *
 * With one of the NO_... defined, a rule is left out. ./scripts/model shows that each is then found
 * to be needed.
 */
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2 /* of pin and unpin, of each thread */
#endif
#ifndef ACTIONS
#define ACTIONS 3 /* of the daemon; fewer than generations, which come again in the word only */
#endif

/* The word: pins 0-1, state 2-3, referenced 4, waiter 5, generation 6-8; and the place, which the
 * futex does not see, 9. */
#define PIN 1
#define MAX_PINS 3
#define PINS(w) ((w) & 3)
#define STATE(w) (((w) >> 2) & 3)
#define REFERENCED 16
#define WAITER 32
#define GENERATION(w) (((w) >> 6) & 7)
#define PLACE(w) ((w) >> 9)
#define FUTEX(w) ((w) & 511)
#define WORD(place, state, generation) ((place) << 9 | (generation) << 6 | (state) << 2)

#define EMPTY 0
#define NORMAL 1
#define MOVING 2
#define DISCARDED 3

short word = WORD(0, NORMAL, 0);

/* The block that has the slot; counted without end. */
byte block = 0;
/* What the kernel knows: who sleeps on the word. */
bool sleeping[CLIENTS];
bool alive = true;

/* The truth, to compare with. */
byte holders = 0;    /* threads that hold a pin */
bool touched = false; /* the daemon moves or discards the block */
byte content[2];     /* at each place */
byte written = 0;    /* how often the content was written */

/* ---- a thread of the client ---- */

proctype client(byte me)
{
    byte mine = 0; /* the block that it has in mind */
    byte round = 0;
    short w;

next:
    w = 0; /* what is not needed any more makes no states */
    if
    :: round == ROUNDS -> goto done
    :: else -> round++
    fi;
    /* It has learned of the slot's new block, or not yet. */
    if
    :: mine = block
    :: skip
    fi;
pin:
    w = word;
    if
#ifndef NO_GENERATION
    :: GENERATION(w) != mine -> goto next /* -ESTALE */
#endif
    :: STATE(w) == EMPTY -> goto next /* -ESTALE */
    :: STATE(w) == DISCARDED -> goto next /* -ENODATA */
    :: STATE(w) == MOVING -> goto moving
    :: STATE(w) == NORMAL && PINS(w) == MAX_PINS -> goto next /* -EAGAIN */
    :: else
    fi;
    atomic {
        if
        :: word == w ->
            word = (w + PIN) | REFERENCED;
            holders++;
            /* Of the block that was meant. */
            assert(mine == block)
        :: else -> goto pin
        fi
    }
    /* The content is in place, and whole; nobody moves it. */
    atomic {
        assert(!touched);
        assert(content[PLACE(w)] == written);
        content[PLACE(w)]++;
        written++
    }
    assert(!touched && content[PLACE(w)] == written);
    goto unpin;

moving:
#ifndef NO_WAITER
    atomic {
        if
        :: w & WAITER
        :: !(w & WAITER) && word == w ->
            w = w | WAITER;
            word = w
        :: else -> goto pin
        fi
    }
#endif
    atomic {
        if
#ifndef NO_COMPARE
        :: FUTEX(word) != FUTEX(w) -> goto pin
#endif
        :: else -> sleeping[me] = true
        fi
    }
    if
    :: !sleeping[me] -> goto pin
    :: !alive -> goto done /* -ENOTCONN */
    fi;

unpin:
    w = word;
    atomic {
#ifdef NO_SWAP
        skip
    }
    atomic {
        word = w - PIN;
        holders--
#else
        if
        :: word == w ->
            /* Nobody took our pin. */
            assert(PINS(w) > 0 && STATE(w) == NORMAL);
            word = w - PIN;
            holders--
        :: else -> goto unpin
        fi
#endif
    }
    goto next;

done:
    skip
}

/* ---- the daemon ---- */

short own = WORD(0, NORMAL, 0); /* its record, which is the truth about the place */

/* One try to take the word from NORMAL to another state. */
inline take(state)
{
    old = word;
    atomic {
        if
#ifdef NO_PINS
        :: STATE(old) == NORMAL ->
#else
        :: PINS(old) == 0 && word == old ->
#endif
            own = WORD(PLACE(own), state, GENERATION(own));
            word = own;
            touched = true;
            taken = true;
            assert(holders == 0)
        :: else -> taken = false
        fi
    }
}

/* The word becomes what the daemon says; who sleeps is woken. */
inline publish(place, state, generation)
{
    atomic {
        own = WORD(place, state, generation);
        old = word;
        word = own;
        touched = false
    }
#ifndef NO_WAKE
    if
    :: old & WAITER ->
        atomic {
            for (i : 0 .. CLIENTS - 1) {
                sleeping[i] = false
            }
        }
    :: else
    fi
#endif
}

proctype daemon()
{
    byte action = 0, copy, i;
    bool taken;
    short old;

    do
    :: action == ACTIONS -> break
    :: alive = false; break
    :: action < ACTIONS && STATE(own) == NORMAL ->
        action++;
        take(MOVING);
        if
        :: taken ->
            copy = content[PLACE(own)];
            content[1 - PLACE(own)] = copy;
            copy = 0;
            /* The old place is somebody else's now. */
            content[PLACE(own)] = 77;
            if
            :: alive = false; break
            :: publish(1 - PLACE(own), NORMAL, GENERATION(own))
            fi
        :: else
        fi
    :: action < ACTIONS && STATE(own) == NORMAL ->
        action++;
        take(DISCARDED);
        if
        :: taken -> content[PLACE(own)] = 77
        :: else
        fi
    :: action < ACTIONS && STATE(own) == DISCARDED ->
        /* Renewed: undefined content, which is here as if never written. */
        action++;
        atomic {
            written = 0;
            content[0] = 0
        }
        publish(0, NORMAL, GENERATION(own))
    :: action < ACTIONS && STATE(own) == NORMAL ->
        /* One try to clear it. */
        action++;
        old = word;
        atomic {
            if
            :: word == old -> word = old & ~REFERENCED
            :: else
            fi
        }
    :: action < ACTIONS ->
        /* The client frees the block, which by contract nobody has pinned; the slot's next block. */
        action++;
        atomic {
            holders == 0;
            own = WORD(0, EMPTY, GENERATION(own));
            word = own;
            content[0] = 0;
            content[1] = 77;
            written = 0;
            touched = false
        }
        atomic {
            block++;
            old = word;
            own = WORD(0, NORMAL, block);
            word = own
        }
    od;
    old = 0
}

init
{
    byte n;

    atomic {
        for (n : 0 .. CLIENTS - 1) {
            run client(n)
        }
        run daemon()
    }
    /* All are at their end: no pin is left. */
    _nr_pr == 1;
    assert(PINS(word) == 0 && holders == 0)
}
