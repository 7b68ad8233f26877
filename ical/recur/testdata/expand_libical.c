// Expands rules with libical (built with ICU, so it knows RSCALE): the second opinion that make_scales.py asks.
// Each line of the input is DTSTART, a blank, a rule; each of the output the first days of the rule.
// Compile with: cc -o expand_libical expand_libical.c -lical
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    int most = argc > 1 ? atoi(argv[1]) : 20;
    char line[4096];

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *rule = strchr(line, ' ');
        *rule++ = 0;
        struct icalrecurrencetype recur = icalrecurrencetype_from_string(rule);
        struct icaltimetype start = icaltime_from_string(line);
        icalrecur_iterator *it = recur.freq == ICAL_NO_RECURRENCE ? NULL : icalrecur_iterator_new(recur, start);
        if (it == NULL) {
            printf("refused\n");
            continue;
        }
        for (int i = 0; i < most; i++) {
            struct icaltimetype t = icalrecur_iterator_next(it);
            if (icaltime_is_null_time(t) || t.year > 2090)
                break;
            printf("%04d%02d%02d ", t.year, t.month, t.day);
        }
        printf("\n");
        icalrecur_iterator_free(it);
    }
    return 0;
}
