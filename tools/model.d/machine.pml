/* The log, as what it folds to, and the decisions that follow from it: `UpgradeMachine`.
 *
 * One step of the model is one append, which is durable as a whole or not at all. */

/* Whether the upgrade has ended, or rests until a person decides. */
#define has_ended (log.state == ROLLED_BACK || (log.state == VERIFIED && log.tidied))
#define rests (log.halted || has_ended)

inline lose_fence() {
    if :: log.fence != DOWN -> log.fence = GONE :: else fi
}

/* The one effect that may be worked on now (`Upgrade.nextEffect`). */
inline next_effect() {
    if
    :: log.state == PLANNED -> effect = PULL
#ifdef SEED_NO_BACKUP
    :: log.state == PULLED -> effect = STOP
#else
    :: log.state == PULLED && !has_data -> effect = STOP
    :: log.state == PULLED && has_data ->
        effect = (fenced && log.fence != UP -> RAISE : BACKUP)
#endif
    :: log.state == BACKED_UP -> effect = (log.fence == GONE -> RAISE : STOP)
    :: log.state == STOPPED -> effect = (log.fence != DOWN -> LIFT : START)
    :: log.state == STARTED -> effect = VERIFY
    :: log.state == VERIFIED -> effect = TIDY
    :: log.state == ROLLING ->
        effect = RAISE;
        do
        :: log.remaining & bit_of(effect) -> break
        :: else -> effect++
        od
    fi
}

/* The way back, with the steps that were begun undone like those before (`wayBack`). */
inline turn_around(begun) {
    log.remaining = 0;
#ifdef SEED_FENCE_STAYS
    skip;
#else
    if
    :: log.fence != DOWN || (log.state == PULLED && ((begun) & bit_of(RAISE))) ->
        log.remaining = bit_of(LIFT)
    :: else
    fi;
#endif
    if
    :: log.state <= BACKED_UP ->
        if
        :: (begun) & bit_of(STOP) -> log.remaining = log.remaining | previous_again
        :: else
        fi
#ifdef SEED_BEGUN_FORGOTTEN
    :: log.state == STOPPED -> log.remaining = log.remaining | previous_again
#else
    :: log.state == STOPPED && !((begun) & bit_of(START)) ->
        log.remaining = log.remaining | previous_again
    :: log.state == STOPPED && ((begun) & bit_of(START)) ->
        log.remaining = way_back_of_start | previous_again
#endif
    :: log.state == STARTED || log.state == VERIFIED ->
        log.remaining = way_back_of_start | previous_again
    fi;
#ifdef SEED_UNSAVED
    log.remaining = log.remaining & ~bit_of(SAVE);
#endif
    log.state = (log.remaining -> ROLLING : ROLLED_BACK);
    log.open = NONE;
    log.fruitless = 0;
    log.unwatched = 0;
    log.fence = DOWN
}

/* The state after a step was done, with what was seen of it (`Upgrade.advanced`). */
inline advance(step) {
    if
    :: log.state == ROLLING ->
        log.remaining = log.remaining & ~bit_of(step);
        if :: log.remaining == 0 -> log.state = ROLLED_BACK :: else fi
    :: else ->
        if
        :: step == PULL -> log.state = PULLED; log.backup_number = 1
        :: step == RAISE -> log.fence = UP; log.fence_at = seen_at
        :: step == BACKUP -> log.state = BACKED_UP; log.backup_at = seen_at; log.unwatched = 0
        :: step == STOP -> log.state = STOPPED
        :: step == LIFT -> log.fence = DOWN
        :: step == START -> log.state = STARTED
        :: step == VERIFY -> log.state = VERIFIED
        :: step == TIDY -> log.tidied = 1
        fi
    fi;
    log.undetermined = log.undetermined & ~bit_of(step);
    /* A fence is raised again after every crash under it, which gets the upgrade no further. */
    if :: step != RAISE -> log.fruitless = 0 :: else fi
}

/* A backup that was found, not taken, may be as old as the crash that it survived. */
inline found_backup() {
#ifndef SEED_UNWATCHED
    if :: log.state == BACKED_UP && !fenced -> log.unwatched = 1 :: else fi
#else
    skip
#endif
}

inline halt() {
    log.halted = 1;
    log.doubt = log.open;
    log.open = NONE
}

/* Nobody was there: what was stopped may have been started again, and may have written
 * (`Run.leaveUnwatched`). */
inline leave_unwatched() {
#ifndef SEED_UNWATCHED
    if
    :: has_data && log.state == STOPPED && !log.open && !(log.undetermined & bit_of(START)) ->
        log.state = BACKED_UP;
        log.undetermined = log.undetermined | bit_of(STOP)
    :: else
    fi;
    if
    :: has_data && log.state == BACKED_UP && fenced -> log.fence = GONE
    :: has_data && log.state == BACKED_UP && !fenced -> log.unwatched = 1; log.fence = DOWN
    :: else
    fi
#else
    skip
#endif
}

inline take_over() {
    if :: log.paused :: else -> log.fruitless++ fi;
    log.paused = 0;
    lose_fence();
    if :: log.vouched -> log.vouched = 0 :: else -> leave_unwatched() fi
}

/* A person's decision about a halt: on from the resting state, with time gone by. Who vouches for a
 * step vouches for what it stands on. */
inline go_on(is_vouched) {
    log.halted = 0;
    log.doubt = NONE;
    log.fruitless = 0;
    log.paused = 0;
    lose_fence();
    if :: is_vouched -> log.vouched = 1 :: else -> leave_unwatched() fi
}

/* What a failed try means: another try, the way back, or a person (`decision(after:)`). */
inline record_failure(step, is_permanent) {
    if
    :: !(is_permanent) && step != START && step != VERIFY && log.tries + 1 < ATTEMPTS ->
        LOG(attempt_failed, step, 0); log.tries++
    :: else ->
        if
#ifndef SEED_NEVER_GIVES_UP
        :: log.state == ROLLING -> LOG(halted, NONE, none_of_these); halt()
#else
        :: log.state == ROLLING -> skip
#endif
        :: log.state == VERIFIED ->
            LOG(failed, step, 0); log.tidied = 1; log.open = NONE; log.fruitless = 0
        :: log.state < VERIFIED ->
            LOG(failed, step, 0);
            turn_around(log.undetermined | bit_of(step));
            log.undetermined = log.undetermined & ~bit_of(step)
        fi;
        log.tries = 0
    fi
}

/* Something was written after the backup, or nobody can say whether it was. */
#define is_invalid (log.state == BACKED_UP \
    && (log.unwatched || (log.fence == UP && log.backup_at != log.fence_at)))

/* Records what follows from the log alone, until something is to be done or nothing more is; as one
 * append with what came before (`Run.nextAction`, `Runner.finish`). */
inline decide() {
    effect = NONE;
    do
    :: rests -> break
    :: !rests && log.fruitless > RESUMES -> LOG(halted, NONE, no_progress); halt()
    :: !rests && log.fruitless <= RESUMES && log.open ->
        if
        :: log.open == BACKUP && log.fence == GONE ->
            LOG(withdrawn, BACKUP, 0); log.open = NONE; log.tries = 0
        :: log.open == STOP && log.unwatched ->
            LOG(withdrawn, STOP, 0); log.open = NONE; log.tries = 0;
            /* Though it is begun anew, it may have taken the service away. */
            log.undetermined = log.undetermined | bit_of(STOP)
        :: else -> effect = log.open; break
        fi
    :: !rests && log.fruitless <= RESUMES && !log.open ->
        if
#ifndef SEED_BACKUP_STAYS
        :: is_invalid ->
            if
            :: log.backup_number < ATTEMPTS ->
                LOG(invalidated, NONE, 0);
                log.state = PULLED; log.backup_number++; log.backup_at = 0; log.unwatched = 0;
                backup = ABSENT   /* under its new name */
            :: else -> LOG(ordered, NONE, written_after); turn_around(log.undetermined)
            fi
        :: !is_invalid ->
#else
        :: true ->
#endif
            if
            /* The outage budget is spent. */
            :: log.state == STOPPED ->
                LOG(ordered, NONE, none_of_these); turn_around(log.undetermined)
            :: pauses > 0 ->
                pauses--; LOG(paused, NONE, 0); log.paused = 1; lose_fence(); break
            :: true ->
                next_effect();
#ifdef SEED_INTENT_LATE
                break
#else
                LOG(began, effect, 0); log.open = effect; log.tries = 0
#endif
            fi
        fi
    od
}
