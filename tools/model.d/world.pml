/* The outside: what there is, what observing finds, and what each effect does to it.
 *
 * Crashes, failures and outsiders change it as well; all of them together are limited by FAULTS. */

bit has_data;               /* the plan's: whether there is a database */
bit fenced;                 /* the plan's: whether it is to refuse writes meanwhile */

unsigned image : 2;
unsigned backup : 2;        /* under the name that the log calls for now */
unsigned backup_of : 3;     /* the position that it was taken at */
unsigned saved : 2;
unsigned fence : 2;         /* WHOLE: a live session holds it; HALF: the server still refuses */
unsigned service : 2;       /* the old release. WHOLE: serves; HALF: stopped, and its policy would
                               start it with the host; ABSENT: stopped and parked */
unsigned candidate : 2;     /* HALF: made, never started */
unsigned data : 2;
unsigned position : 3;      /* how far the old release's writing had got */
bit unseen;                 /* it wrote after the backup while there was no Pawl */
bit lost;                   /* a restore took away what was written after the backup */
bit littered;               /* something is left of earlier upgrades */
byte faults = FAULTS;
byte writes = WRITES;


/* What the old release's writing, and nothing else, may change at any time. */
#define may_write \
    (has_data && service == WHOLE && fence == ABSENT && data == ORIGINAL && writes > 0)

/* All processes have gone; the engine starts what its policies tell it to. */
inline reboot_world() {
    count_boot;
    fence = ABSENT;
    if :: service == HALF -> service = WHOLE :: service == HALF :: service != HALF fi;
#ifdef SEED_POLICY_STAYS
    if :: service == ABSENT && log.state != PLANNED -> service = WHOLE :: else fi;
#endif
#ifdef SEED_INIT_STARTS_CURRENT
    /* Host runtime: a unit of the init system starts whatever `current` leads to. */
    if
    :: link_leads_to_candidate -> candidate = WHOLE; data = (has_data -> MIGRATED : data)
    :: else -> service = WHOLE
    fi
#endif
}

#ifdef SEED_INIT_STARTS_CURRENT
bit link_leads_to_candidate;
#define LINK_CANDIDATE link_leads_to_candidate = 1
#define LINK_PREVIOUS link_leads_to_candidate = 0
#else
#define LINK_CANDIDATE skip
#define LINK_PREVIOUS skip
#endif

/* The session that held the fence has gone with its process; the server may not have noticed what
 * else belongs to it (`read_only`). */
inline session_ends() {
    if
    :: fence == WHOLE -> if :: fence = HALF :: fence = ABSENT fi
    :: else
    fi
}

/* A fence is lifted with proof on the way forward, without on the way back. */
#ifdef SEED_LIFT_UNPROVED
#define proof_fails false
#else
#define proof_fails (log.state == STOPPED && position != log.backup_at)
#endif

/* Drivers' `observe`: what is there of an effect, and at which position it was seen. */
inline look(step) {
    found = ABSENT;
    if
    :: step == PULL -> found = image
    :: step == RAISE -> found = fence
    :: step == BACKUP -> found = backup
    :: step == STOP -> found = (service == ABSENT -> WHOLE : ABSENT)
    :: step == LIFT -> found = (fence == ABSENT && !proof_fails -> WHOLE : ABSENT)
    :: step == START ->
        found = (candidate == WHOLE -> WHOLE : (candidate == ENDED -> HALF : ABSENT))
    :: step == REMOVE -> found = (candidate == ABSENT -> WHOLE : ABSENT)
    :: step == SAVE -> found = saved
    :: step == RESTORE ->
        found = (data == TORN -> HALF :
            (data == ORIGINAL && position == log.backup_at -> WHOLE : ABSENT))
    :: step == START_PREVIOUS -> found = (service == WHOLE -> WHOLE : ABSENT)
    :: step == TIDY -> found = (littered -> ABSENT : WHOLE)
    :: else   /* questions: what they found before a crash need not be so after it */
    fi
}

/* Drivers' `clear`: takes away what a half-done effect left. */
inline clear(step) {
    if
    :: step == PULL -> image = ABSENT
    :: step == RAISE -> fence = ABSENT
    :: step == BACKUP -> backup = ABSENT
    :: step == SAVE -> saved = ABSENT
    :: else
    fi
}

/* The first half of `perform`; the effect is torn where it ends here. `answer` is REFUSED where the
 * driver sees that it must not, or cannot, go on. */
inline begin(step) {
    if
    :: step == PULL -> image = HALF
    :: step == BACKUP ->
        if
        :: fenced && fence != WHOLE -> answer = FAILS_NOW
        :: else -> backup = HALF; backup_of = position; unseen = 0
        fi
    :: step == STOP -> if :: service == WHOLE -> service = HALF :: else fi
    :: step == LIFT -> if :: proof_fails -> answer = REFUSED :: else fi
    :: step == START -> candidate = HALF; LINK_CANDIDATE
    :: step == VERIFY -> if :: candidate != WHOLE -> answer = REFUSED :: else fi
    :: step == REMOVE -> if :: candidate == WHOLE -> candidate = ENDED :: else fi
    :: step == SAVE -> saved = HALF
    :: step == RESTORE ->
        if :: backup != WHOLE -> answer = REFUSED :: else -> data = TORN fi
    :: step == START_PREVIOUS ->
        if :: service == ABSENT -> service = HALF :: else fi; LINK_PREVIOUS
    :: step == VERIFY_PREVIOUS -> if :: service != WHOLE -> answer = FAILS_NOW :: else fi
    :: step == RAISE || step == TIDY
    fi
}

/* The second half: it is done. */
inline complete(step) {
    if
    :: step == PULL -> image = WHOLE
    :: step == RAISE -> fence = WHOLE
    :: step == BACKUP ->
        if :: fenced && fence != WHOLE -> answer = FAILS_NOW :: else -> backup = WHOLE fi
    :: step == STOP -> service = ABSENT
    :: step == LIFT -> fence = ABSENT
    :: step == START ->
        candidate = WHOLE;
        if :: has_data -> data = MIGRATED :: true fi   /* a release need not migrate */
    :: step == REMOVE -> candidate = ABSENT
    :: step == SAVE -> saved = WHOLE
    :: step == RESTORE ->
        data = ORIGINAL; lost = lost || position != backup_of; position = backup_of
    :: step == START_PREVIOUS -> service = WHOLE
    :: step == VERIFY ->
        if :: true :: answer = REFUSED fi;   /* the release may be bad */
        if :: littered = 1 :: true fi
    :: step == TIDY -> littered = 0
    :: step == VERIFY_PREVIOUS
    fi
}
