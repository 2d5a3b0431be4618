#include "base/progress.h"

#include "base/clock.h"

#define FIRST_NS 1000000000
#define EVERY_NS 100000000

void progress_begin(struct progress *p, const struct session *session, const char *what, int64_t total)
{
    int64_t now_ns = clock_monotonic_ns();
    *p = (struct progress){
        .session = session, .what = what, .total = total, .begin_ns = now_ns, .next_ns = now_ns + FIRST_NS};
}

void progress_line(const struct progress *p, int64_t done, int64_t now_ns, char *to, int size)
{
    double elapsed_s = (double)(now_ns - p->begin_ns) / 1e9;
    if (!p->total) {
        snprintf(to, (size_t)size, "%s: %lld, %.0f s", p->what, (long long)done, elapsed_s);
        return;
    }
    double share = (double)done / (double)p->total;
    if (share <= 0) {
        snprintf(to, (size_t)size, "%s: %3.0f %%", p->what, 0.0);
        return;
    }
    if (share > 1)
        share = 1;
    double left_s = elapsed_s / share - elapsed_s;
    snprintf(to, (size_t)size, "%s: %3.0f %%, %.0f s left", p->what, 100 * share, left_s);
}

void progress_at(struct progress *p, int64_t done)
{
    if (!p->session->live || p->session->quiet)
        return;
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns < p->next_ns)
        return;
    char line[80]; /* a longer one would break and stay behind */
    progress_line(p, done, now_ns, line, sizeof(line));
    fprintf(p->session->err, "\r%s\033[K", line);
    fflush(p->session->err);
    p->next_ns = now_ns + EVERY_NS;
    p->drawn = true;
}

void progress_end(struct progress *p)
{
    if (p->drawn)
        fprintf(p->session->err, "\r\033[K");
    p->drawn = false;
}
