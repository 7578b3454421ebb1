/* A run of the model that is held to a real log: it can record nothing but the log's next event.
 *
 * The log comes as a file of numbers that `PAWL_TRACE` names (see `trace`). Where the model gets to
 * its end, the assertion fails: the log is a behaviour of the model. */

#define LONGEST 255

hidden byte trace_type[LONGEST];
hidden byte trace_step[LONGEST];
hidden byte trace_detail[LONGEST];
hidden byte trace_number[LONGEST];
hidden byte trace_boot[LONGEST];
hidden byte trace_length;

byte place;      /* events so far */
byte boot;       /* reboots so far, which the log tells by the kernel's boot id */
byte attempts;   /* the plan's limits */
byte resumes;

#define ATTEMPTS attempts
#define RESUMES resumes
#define count_boot boot++

#define LOG(type, step, detail) \
    if \
    :: (trace_type[place] == event_##type && trace_step[place] == (step) \
            && trace_detail[place] == (detail) && trace_number[place] == number \
            && trace_boot[place] == boot) -> place++ \
    :: else -> false \
    fi; \
    assert(place != trace_length)

c_code {
    static void trace_read(void) {
        unsigned data, fenced, attempts, resumes, faults, writes, pauses, decisions;
        unsigned type, step, detail, number, boot;
        const char *path = getenv("PAWL_TRACE");
        FILE *file = path ? fopen(path, "r") : 0;
        if (!file || fscanf(file, "%u %u %u %u %u %u %u %u", &data, &fenced, &attempts, &resumes,
                            &faults, &writes, &pauses, &decisions) != 8) {
            fprintf(stderr, "PAWL_TRACE does not name a trace\n");
            exit(2);
        }
        now.has_data = data; now.fenced = fenced;
        now.attempts = attempts; now.resumes = resumes;
        now.faults = faults; now.writes = writes;
        now.pauses = pauses; now.decisions = decisions;
        for (trace_length = 0;
             trace_length < LONGEST
                && fscanf(file, "%u %u %u %u %u", &type, &step, &detail, &number, &boot) == 5;
             trace_length++) {
            trace_type[trace_length] = type;
            trace_step[trace_length] = step;
            trace_detail[trace_length] = detail;
            trace_number[trace_length] = number;
            trace_boot[trace_length] = boot;
        }
        fclose(file);
    }
};
