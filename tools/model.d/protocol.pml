/* Two Pawls at one instance: its lock, its log, its world, and all that may go wrong in between.
 *
 * What is kept, and what is left out, stands in README.md beside this file. Limits are given on the
 * command line: FAULTS (crashes, reboots, failures, outsiders: together), WRITES of the old
 * release, PAUSES and DECISIONS of people, FREEZES of a process that loses its lock without dying,
 * ATTEMPTS a step, RESUMES without progress. SEED_... plants one bug each; see `mutants`. */

byte lock;                  /* 0: free */
unsigned pauses : 3 = PAUSES;
unsigned decisions : 3 = DECISIONS;
unsigned freezes : 2 = FREEZES;
byte view[2];               /* whether a process has replayed the log, and is up to date */
bit gone[2];                /* a reboot ended it while it was frozen */

#include "terms.pml"
#include "world.pml"
#include "machine.pml"
#include "properties.pml"

#define TELL(words) printf(words, me + 1)

/* A process may die at this place, or its host; or it loses its lock without knowing it, as by
 * somebody who removes the lock's file. */
#define may_die \
    if \
    :: gone[me] -> gone[me] = 0; goto left \
    :: !gone[me] \
    :: atomic { freezes > 0 && lock == me + 1 -> freezes--; lock = 0; \
        TELL("Pawl %d loses its lock\n") } \
    :: atomic { faults > 0 -> faults--; TELL("Pawl %d is killed\n"); goto killed } \
    :: atomic { faults > 0 -> faults--; TELL("Pawl %d ends with its host, which reboots\n"); \
        goto rebooted } \
    fi

#define may_decide (decisions > 0 && (log.halted || log.state == VERIFIED))

/* I14: an append with an old fence number is refused, and so is one that does not follow the event
 * its writer saw last: two that took over before either had appended have the same number. */
#if defined(SEED_NUMBER_UNCHECKED)
#define is_refused false
#elif defined(SEED_NUMBER_ALONE)
#define is_refused (number < log.number)
#else
#define is_refused (number < log.number || view[me] == OVERTAKEN)
#endif

inline append() {
    if
    :: is_refused -> goto outdated
    :: !is_refused ->
        must_always(I14_nobody_appends_who_was_overtaken, view[me] == CURRENT);
        log.number = number;
        if :: view[1 - me] -> view[1 - me] = OVERTAKEN :: else fi
    fi
}

/* A person's decision; what people say of the world is true. */
inline decide_by_hand() {
    decisions--;
    look(log.doubt);
    if
    :: log.halted ->
        LOG(retried, NONE, 0);
        if
        :: log.doubt -> log.undetermined = log.undetermined | bit_of(log.doubt)
        :: else
        fi;
        go_on(false)
    :: log.state < ROLLING && log.state != NOTHING ->
        LOG(ordered, NONE, by_a_person);
        effect = (log.halted -> log.doubt : log.open);
        if :: effect -> log.undetermined = log.undetermined | bit_of(effect) :: else fi;
        log.halted = 0; log.doubt = NONE; effect = NONE;
        /* The way back has no use for half a download or half a dump. */
        if
        :: image == HALF && (log.undetermined & bit_of(PULL)) -> clear(PULL)
        :: else
        fi;
        if
        :: backup == HALF && (log.undetermined & bit_of(BACKUP)) -> clear(BACKUP)
        :: else
        fi;
        turn_around(log.undetermined)
#ifdef TRACE
    /* Of a real log it is not known whether they were right. */
    :: log.halted && log.doubt -> LOG(settled, log.doubt, 1); advance(log.doubt); go_on(true)
    :: log.halted && log.doubt ->
        LOG(settled, log.doubt, 0);
        log.undetermined = log.undetermined & ~bit_of(log.doubt);
        go_on(false)
#else
    :: (log.halted && log.doubt && (found == WHOLE || log.doubt == TIDY
            || (log.doubt == VERIFY && candidate == WHOLE)
            || (log.doubt == VERIFY_PREVIOUS && service == WHOLE))) ->
        LOG(settled, log.doubt, 1);
        seen_at = (log.doubt == BACKUP -> backup_of : position);
        advance(log.doubt);
        if :: log.doubt == BACKUP -> found_backup() :: else fi;
        go_on(true); seen_at = 0
    /* Undone is what nothing is there of, not even a container that was never started. */
    :: (log.halted && log.doubt && found == ABSENT
            && (log.doubt != START || candidate == ABSENT)
            && (log.doubt != STOP || service == WHOLE)) ->
        LOG(settled, log.doubt, 0);
        log.undetermined = log.undetermined & ~bit_of(log.doubt);
        go_on(false)
#endif
    fi;
    found = 0
}

/* Whether the database may be kept from writing after the process has gone (`mayLeaveFence`). */
#ifdef SEED_FENCE_LEFT_AT_HALT
#define raise_in_doubt (log.open == RAISE)
#else
#define raise_in_doubt \
    (log.open == RAISE || log.doubt == RAISE || (log.undetermined & bit_of(RAISE)))
#endif
#define may_leave_fence \
    ((log.state == ROLLING && (log.remaining & bit_of(LIFT))) \
        || (log.state != ROLLING && (log.fence != DOWN || raise_in_doubt)))

/* Whose receipt names a position of the database. */
#define reads_position (effect == RAISE || effect == BACKUP)

proctype Pawl(bit me) {
    byte number;
    unsigned effect : 4;
    unsigned outcome : 3;
    unsigned found : 2;
    unsigned answer : 2;
    unsigned seen_at : 3;

idle:
end:
    atomic {
        (lock == 0 && (!rests || may_decide)) ->
        lock = me + 1; number = log.number + 1; view[me] = CURRENT
    }
    may_die;
    atomic {
        append();
        if
        :: log.state == NOTHING -> LOG(planned, NONE, 0); log.state = PLANNED; goto begun
        :: log.state != NOTHING && !rests -> LOG(resumed, NONE, 0); take_over(); goto resuming
        :: (decisions > 0 && log.state != NOTHING && log.state != ROLLED_BACK
                && (log.halted || log.state < ROLLING)) ->
            decide_by_hand(); check_end()
        fi
    }
    may_die;
    atomic {
        append();
        if
        :: rests -> goto leaving
        :: else -> LOG(resumed, NONE, 0); take_over()
        fi
    }
resuming:
    may_die;
    /* What a dead Pawl left at work is ended first. */
    if
    :: true
    :: atomic {
        faults > 0 && (log.open || log.undetermined) ->
        faults--; append(); LOG(halted, NONE, leftovers); halt(); goto leaving
    }
    fi;
begun:
    may_die;
    atomic { append(); decide(); check_end() };
    if
    :: effect == NONE -> goto leaving
    :: else
    fi;
work:
    may_die;
    atomic {
        look(effect);
        if
#ifdef SEED_UNOBSERVED
        :: true -> found = ABSENT
#else
        :: found == WHOLE ->
            seen_at = (effect == BACKUP -> backup_of : position); outcome = WAS_FOUND
#endif
#ifdef SEED_TORN_IS_ABSENT
        :: found == HALF -> skip
#else
        :: found == HALF && effect == START -> outcome = FOR_GOOD
#ifdef SEED_TORN_IS_PRESENT
        :: found == HALF && effect == BACKUP -> seen_at = backup_of; outcome = WAS_FOUND
        :: found == HALF && effect != START && effect != BACKUP -> clear(effect)
#else
        :: found == HALF && effect != START -> clear(effect)
#endif
#endif
        :: found == ABSENT
        :: faults > 0 -> faults--; outcome = UNKNOWN
        :: faults > 0 -> faults--; outcome = FAILED
        :: pauses > 0 -> pauses--; outcome = INTERRUPTED
        fi;
        if :: outcome -> goto recording :: else fi;
        check_effect();
        begin(effect);
        check_restore()
    }
    if
    :: answer -> outcome = (answer == REFUSED -> FOR_GOOD : FAILED); goto recording
    :: else
    fi;
    may_die;
    atomic {
        if
        :: true -> complete(effect);
            if
            :: answer -> outcome = (answer == REFUSED -> FOR_GOOD : FAILED)
            :: !answer ->
                seen_at = (effect == BACKUP -> backup_of : position); outcome = WAS_DONE
            :: faults > 0 && !answer ->
                faults--; TELL("Pawl %d loses the answer\n"); outcome = FAILED
            fi
#ifdef SEED_OUTCOME_ASSUMED
        :: faults > 0 -> faults--; outcome = WAS_DONE
#else
        :: faults > 0 -> faults--; TELL("Pawl %d fails half-way\n"); outcome = FAILED
#endif
        :: faults > 0 -> faults--; TELL("Pawl %d fails half-way, for good\n"); outcome = FOR_GOOD
        :: pauses > 0 -> pauses--; outcome = INTERRUPTED
        fi
    }
recording:
    answer = 0; found = 0;
    may_die;
    atomic {
        append();
        if
        :: outcome == WAS_DONE || outcome == WAS_FOUND ->
            LOG(done, effect, (outcome == WAS_FOUND) + 2 * (reads_position -> seen_at : 0));
            log.open = NONE; advance(effect);
            if :: outcome == WAS_FOUND && effect == BACKUP -> found_backup() :: else fi
        :: outcome == UNKNOWN -> LOG(halted, NONE, unknown_outcome); halt()
        :: outcome == INTERRUPTED -> LOG(paused, NONE, 0); log.paused = 1; lose_fence()
        :: outcome == FAILED || outcome == FOR_GOOD ->
            record_failure(effect, outcome == FOR_GOOD);
            if
            :: log.open == NONE && effect == PULL && image == HALF -> clear(effect)
            :: log.open == NONE && effect == BACKUP && backup == HALF -> clear(effect)
            :: else
            fi
        fi;
        seen_at = 0;
        check_end();
        if
        :: outcome == INTERRUPTED -> effect = NONE
        :: outcome != INTERRUPTED -> decide(); check_end()
        fi;
        outcome = NOT_YET;
        if
        :: effect == NONE -> goto leaving
        :: else -> goto work
        fi
    }

leaving:
    /* Nobody works on it from here on. */
    may_die;
    atomic {
        if
        :: faults > 0 && fence != ABSENT -> faults--
        :: true ->
            if :: may_leave_fence -> fence = ABSENT :: else fi;
            check_rest()
        fi;
        goto ended
    }

rebooted:
    atomic {
        reboot_world();
        /* Whoever was frozen has gone as well. */
        if :: view[1 - me] -> gone[1 - me] = 1 :: else fi;
        goto left
    }
outdated:
    /* An append that fails stops the run. */
    outcome = NOT_YET;
killed:
ended:
    atomic { session_ends() };
left:
    atomic {
        if :: lock == me + 1 -> lock = 0 :: else fi;
        view[me] = 0;
        number = 0; effect = 0; outcome = 0; found = 0; answer = 0; seen_at = 0;
        goto idle
    }
}

/* The old release's users, and outsiders. */
active proctype Outside() {
end:
    do
    :: atomic { may_write -> position++; writes--;
        unseen = unseen || lock == 0; printf("The old release writes\n") }
    /* The session that holds the fence ends by itself: the database was restarted. */
    :: atomic { faults > 0 && fence == WHOLE -> faults--; fence = ABSENT;
        printf("The fence's session ends\n") }
    /* The new release falls over. */
    :: atomic { faults > 0 && candidate == WHOLE -> faults--; candidate = ENDED;
        printf("The candidate falls over\n") }
    /* Somebody damages the backup's file, after it was needed as a proof. */
    :: atomic { faults > 0 && backup == WHOLE && log.state == STARTED -> faults--; backup = HALF;
        printf("The backup's file is damaged\n") }
    /* A reboot while no Pawl runs. */
    :: atomic { faults > 0 && lock == 0 && !view[0] && !view[1] -> faults--; reboot_world();
        printf("The host reboots\n") }
    od
}

init {
    atomic {
        service = WHOLE;
        /* The plan. */
#ifdef TRACE
        c_code { trace_read(); };
        if :: image = WHOLE :: true fi;   /* an upgrade before may have got it */
#else
        if
        :: has_data = 1; fenced = 1
        :: has_data = 1
        :: true
        fi;
#endif
        run Pawl(0); run Pawl(1)
    }
}
