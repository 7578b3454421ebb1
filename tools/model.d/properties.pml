/* What has to hold: the invariants of the design that are a matter of the protocol.
 *
 * Each name is a property; one that is set has been violated, and the assertion names it. */
byte I4_no_effect_without_its_durable_intent;
byte I6_nothing_is_done_twice;
byte I8_nothing_destructive_without_a_proven_backup;
byte I10_verified_or_rolled_back_and_never_a_mix;
byte I14_nobody_appends_who_was_overtaken;
byte At_rest_the_database_takes_writes;

/* A lock that does not hold is beyond what is promised of the world: from there on the log alone is
 * held to its property. */
#define lock_holds (freezes == FREEZES)

#ifdef TRACE
#define must(property, condition) skip
#define must_always(property, condition) skip
#else
inline must_always(property, condition) {
    if
    :: true && (condition) -> skip
    :: else -> property = 1; assert(!property)
    fi
}
#define must(property, condition) must_always(property, !lock_holds || (condition))
#endif

/* I10: what the log calls an end is one in the world. */
inline check_end() {
    if
    :: log.state == VERIFIED && !log.tidied ->
        must(I10_verified_or_rolled_back_and_never_a_mix,
            image == WHOLE && candidate >= WHOLE && service == ABSENT && fence == ABSENT
            && data != TORN)
    :: log.state == ROLLED_BACK ->
        must(I10_verified_or_rolled_back_and_never_a_mix,
            service == WHOLE && candidate == ABSENT && fence == ABSENT && data == ORIGINAL
            && (!fenced || !lost))
    :: else
    fi
}

/* I4, I6, I8: what has to be so when an effect is about to touch the world. */
inline check_effect() {
    must(I4_no_effect_without_its_durable_intent, log.open == effect && log.number == number);
    look(effect);
    must(I6_nothing_is_done_twice, found != WHOLE);
    if
    :: effect == STOP ->
        /* While the fence stands, it is known whether something was written after the backup. */
        must(I8_nothing_destructive_without_a_proven_backup,
            (fenced || !unseen) && (!fenced || fence != WHOLE || backup_of == position))
    :: effect == START ->
        must(I6_nothing_is_done_twice, candidate != ENDED);
        must(I8_nothing_destructive_without_a_proven_backup, !has_data ||
            (backup == WHOLE && (!fenced || backup_of == position) && (fenced || !unseen)));
        must(I10_verified_or_rolled_back_and_never_a_mix,
            service == ABSENT && fence == ABSENT && data == ORIGINAL)
    :: effect == RESTORE ->
        must(I10_verified_or_rolled_back_and_never_a_mix, candidate == ABSENT)
    :: effect == START_PREVIOUS ->
        must(I10_verified_or_rolled_back_and_never_a_mix,
            candidate == ABSENT && fence == ABSENT && data == ORIGINAL)
    :: else
    fi
}

/* I8, of a restore that has been begun: a driver that reads a damaged backup refuses before. */
inline check_restore() {
    must(I8_nothing_destructive_without_a_proven_backup,
        effect != RESTORE || answer || (backup == WHOLE && saved == WHOLE))
}

/* A run that nobody works on any more keeps nobody from writing. */
inline check_rest() {
    must(At_rest_the_database_takes_writes, fence == ABSENT)
}

#ifndef TRACE
/* I9: faults are finitely many here; every upgrade comes to an end or a rest, and stays there. */
ltl I9_every_upgrade_ends_or_rests { <>[] rests }
#endif
