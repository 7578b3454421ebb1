/* The words of the model, and the log: what there can be, and what is recorded of it. */

#define ABSENT  0
#define HALF    1
#define WHOLE   2
#define ENDED   3   /* the candidate alone: it ran, and may have touched the data */

#define ORIGINAL 0
#define MIGRATED 1
#define TORN     2

/* States of an upgrade. */
#define NOTHING     0
#define PLANNED     1
#define PULLED      2
#define BACKED_UP   3
#define STOPPED     4
#define STARTED     5
#define VERIFIED    6
#define ROLLING     7
#define ROLLED_BACK 8

/* Steps, numbered from 1 in the order of the way back; 0 is none. Spin counts from the end. */
#define NONE 0
mtype = {
    VERIFY_PREVIOUS, START_PREVIOUS, RESTORE, SAVE, REMOVE,
    TIDY, VERIFY, START, LIFT, STOP, BACKUP, RAISE, PULL
};

/* What the log knows of the fence. */
#define DOWN 0
#define UP   1
#define GONE 2

/* Events, as the trace of a real log names them. */
#define event_planned       1
#define event_began         2
#define event_attempt_failed 3
#define event_done          4
#define event_failed        5
#define event_withdrawn     6
#define event_halted        7
#define event_invalidated   8
#define event_ordered       9
#define event_resumed       10
#define event_paused        11
#define event_retried       12
#define event_settled       13

#define bit_of(step) (1 << (step))
#define way_back_of_start (bit_of(REMOVE) | (has_data -> bit_of(SAVE) | bit_of(RESTORE) : 0))
#define previous_again (bit_of(START_PREVIOUS) | bit_of(VERIFY_PREVIOUS))

/* Whether a process that has replayed the log is up to date. */
#define CURRENT 1
#define OVERTAKEN 2

/* What came of an effect and is not recorded yet. */
#define NOT_YET   0
#define WAS_FOUND 1
#define WAS_DONE  2
#define FAILED    3
#define FOR_GOOD  4
#define UNKNOWN   5
#define INTERRUPTED 6

/* How a driver answers besides by doing it. */
#define FAILS_NOW 1
#define REFUSED   2

typedef Log {
    unsigned state : 4;
    bit halted;
    unsigned doubt : 4;          /* of a halt: the effect whose outcome nobody knows */
    unsigned open : 4;           /* the intent without an outcome */
    unsigned tries : 3;          /* failed ones under the open intent */
    unsigned fruitless : 3;      /* take-overs since something last got done */
    bit paused;
    bit vouched;                 /* a person has just said how things stand */
    bit unwatched;               /* without a fence: nobody was there since the backup */
    unsigned fence : 2;
    unsigned fence_at : 3;       /* the position that the fence was raised at */
    unsigned backup_at : 3;      /* the position that the backup says it was taken at */
    unsigned backup_number : 3;
    unsigned undetermined : 14;  /* effects whose intent was closed without a known outcome */
    unsigned remaining : 14;     /* of the way back */
    bit tidied;
    byte number;                 /* the highest fence number in it */
};
Log log;

/* Why something was halted or turned around, as far as the log tells them apart. */
#define none_of_these   0
#define no_progress     1
#define unknown_outcome 2
#define leftovers       3
#define by_a_person     4
#define written_after   5

#ifdef TRACE
#include "trace.pml"
#else
/* What a counterexample is told by. */
#define LOG(type, step, detail) \
    note(event_##type, step); printf(TEXT(Pawl %d: type %e\n), me + 1, step)
#define TEXT(words) #words
#define count_boot skip
#endif

#ifdef NOTE
/* A search says once of each event that it can happen; what cannot is a hole in the model. */
hidden byte noted_type;
hidden byte noted_step;
c_code {
    static void note_once(void) {
        static char is_known[256][16];
        char *known = &is_known[noted_type][noted_step & 15];
        if (!*known) printf("event %d %d\n", noted_type, noted_step);
        *known = 1;
    }
};
#define note(type, step) noted_type = type; noted_step = step; c_code { note_once(); }
#else
#define note(type, step) skip
#endif
