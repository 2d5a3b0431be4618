/*
 * The optimum against a mixed-integer program that a solver which nobody here wrote solves: Debian's cbc. Boot 0. The
 * program knows no rentals: x_s is a bake that starts at s, z_u an hour that opens at u, and each slot in which a bake
 * runs lies in an hour; p_a is the number of commits that wait at a. Passes over with a line where there is no cbc.
 *
 *      minimise  K sum x + cost of hours + w sum p
 *      z_(a-H+1) + ... + z_a >= x_s            for all a in s .. s+P-1
 *      x_s + ... + x_(s+P-1) <= 1
 *      q_(j,a) + sum of x_s over t_j <= s <= a >= 1        commit j waits at a unless something took it
 *      sum of x_s over t_j <= s <= t_j + L - P >= 1        the limit, or any start at all
 *      e_m >= sum of z_u in period m - R                   the pool
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/support_optimum.h"

#define SLOTS 90

static bool sanitized(void)
{
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    return false;
#endif
}

struct program {
    const struct scene *s;
    FILE *lp;
    int64_t first, slots; /* times first .. first + slots - 1; hours may open up to H - 1 earlier */
};

static void objective(const struct program *m)
{
    const struct optimum_terms *t = &m->s->terms;
    int64_t quantum = t->price_per_hour * t->meter.quantum_s;
    fprintf(m->lp, "Minimize\n cost: 0 zero\n");
    for (int64_t s = 0; s < m->slots; s++)
        fprintf(m->lp, " + %lld x%lld\n", (long long)t->per_deploy * 3600, (long long)s);
    for (int64_t u = 1 - t->meter.quantum_s; !t->pool_periods && u < m->slots; u++)
        fprintf(m->lp, " + %lld z%lld\n", (long long)quantum, (long long)u + t->meter.quantum_s);
    for (size_t i = 0; i < t->pool_periods; i++)
        fprintf(m->lp, " + %lld e%zu\n", (long long)quantum, i);
    for (size_t j = 0; j < m->s->count; j++)
        for (int64_t a = m->s->arrival[j] - m->first; a < m->slots; a++)
            fprintf(m->lp, " + %lld q%zu_%lld\n", (long long)t->delay_price_per_commit_hour, j, (long long)a);
}

static void hours_and_server(const struct program *m)
{
    const struct optimum_terms *t = &m->s->terms;
    for (int64_t s = 0; s < m->slots; s++) {
        for (int64_t a = s; a < s + t->bake_s && a < m->slots; a++) {
            for (int64_t u = a - t->meter.quantum_s + 1; u <= a; u++)
                fprintf(m->lp, " + z%lld", (long long)u + t->meter.quantum_s);
            fprintf(m->lp, " - x%lld >= 0\n", (long long)s);
        }
        for (int64_t a = s; a < s + t->bake_s && a < m->slots; a++)
            fprintf(m->lp, " + x%lld", (long long)a);
        fprintf(m->lp, " <= 1\n");
    }
}

static void starts_between(const struct program *m, int64_t from, int64_t to)
{
    for (int64_t s = from; s <= to && s < m->slots; s++)
        fprintf(m->lp, " + x%lld", (long long)s);
}

static void commits(const struct program *m)
{
    const struct optimum_terms *t = &m->s->terms;
    for (size_t j = 0; j < m->s->count; j++) {
        int64_t arrived = m->s->arrival[j] - m->first;
        for (int64_t a = arrived; a < m->slots; a++) {
            fprintf(m->lp, " q%zu_%lld", j, (long long)a);
            starts_between(m, arrived, a);
            fprintf(m->lp, " >= 1\n");
        }
        starts_between(m, arrived, t->max_lead_s ? arrived + t->max_lead_s - t->bake_s : m->slots);
        fprintf(m->lp, " >= 1\n");
    }
}

static void pool(const struct program *m)
{
    const struct optimum_terms *t = &m->s->terms;
    for (size_t i = 0; i < t->pool_periods; i++) {
        fprintf(m->lp, " e%zu", i);
        for (int64_t u = 1 - t->meter.quantum_s; u < m->slots; u++) {
            int64_t at = u + m->first;
            bool after = i == 0 || t->pool_from_s[i] <= at;
            if (after && (i + 1 == t->pool_periods || at < t->pool_from_s[i + 1]))
                fprintf(m->lp, " - z%lld", (long long)u + t->meter.quantum_s);
        }
        fprintf(m->lp, " >= %lld\n", -(long long)t->pool_quanta);
    }
}

static void write_program(const struct scene *s, const char *path)
{
    struct program m = {.s = s, .lp = fopen(path, "w"), .first = s->arrival[0], .slots = SLOTS};
    assert_non_null(m.lp);
    objective(&m);
    fprintf(m.lp, "Subject To\n zero = 0\n");
    hours_and_server(&m);
    commits(&m);
    pool(&m);
    fprintf(m.lp, "Binary\n");
    for (int64_t a = 0; a < m.slots; a++)
        fprintf(m.lp, " x%lld\n", (long long)a);
    for (int64_t u = 1; u < m.slots + s->terms.meter.quantum_s; u++)
        fprintf(m.lp, " z%lld\n", (long long)u);
    fprintf(m.lp, "End\n");
    assert_int_equal(fclose(m.lp), 0);
}

/* False: cbc is not there. feasible and cost are what it found. */
static bool run_cbc(const char *folder, const struct scene *s, bool *feasible, int64_t *cost)
{
    char lp[200];
    char out[200];
    snprintf(lp, sizeof(lp), "%s/program.lp", folder);
    snprintf(out, sizeof(out), "%s/solution.txt", folder);
    write_program(s, lp);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        execlp("cbc", "cbc", lp, "ratioGap", "0", "allowableGap", "0", "solve", "solution", out, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return false;
    FILE *f = fopen(out, "r");
    assert_non_null(f);
    char line[200];
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    *feasible = strncmp(line, "Optimal", 7) == 0;
    if (!*feasible) {
        assert_non_null(strstr(line, "nfeasible"));
        return true;
    }
    const char *value = strstr(line, "objective value");
    assert_non_null(value);
    *cost = (int64_t)(strtod(value + 15, NULL) + 0.5);
    return true;
}

static struct scene medium(struct philox *p, size_t i)
{
    struct scene s = {.count = (size_t)support_draw(p, 5, FEW_COMMITS)};
    struct optimum_terms *t = &s.terms;
    int64_t h = PICK(p, 6, 9, 12);
    t->meter = (struct meter){h, h};
    t->bake_s = PICK(p, 1, 3, h / 2, h, h + 2);
    t->grid_s = 1;
    t->price_per_hour = PICK(p, 1, 2, 5);
    t->delay_price_per_commit_hour = PICK(p, 1, 2, 4);
    int64_t at = 1000;
    for (size_t j = 0; j < s.count; j++) {
        s.arrival[j] = at;
        at += support_draw(p, 0, 3) == 0 && at < 1040 ? support_draw(p, 1, 15) : support_draw(p, 0, 1);
    }
    if (i % 3 == 1)
        t->max_lead_s = t->bake_s + PICK(p, 2, t->bake_s, 2 * t->bake_s, 15);
    if (i % 3 == 2) {
        t->pool_periods = 2;
        t->pool_quanta = support_draw(p, 1, 3);
        s.period_from[0] = 990;
        s.period_from[1] = 1000 + support_draw(p, 5, 40);
    }
    return s;
}

static void the_solver_agrees(void **state)
{
    (void)state;
    char folder[] = "/tmp/bakehour-milp.XXXXXX";
    assert_non_null(mkdtemp(folder));
    size_t n = support_rounds(sanitized() ? 2 : 8);
    bool there = true;
    for (size_t i = 0; there && i < n; i++) {
        struct philox p = philox_stream(20261130, 0, i, 1);
        struct scene s = medium(&p, i);
        s.terms.pool_from_s = s.period_from;
        bool feasible = false;
        int64_t want = 0;
        there = run_cbc(folder, &s, &feasible, &want);
        if (!there)
            break;
        struct optimum o;
        struct err err;
        int code = optimum_solve(&o, &s.terms, s.arrival, s.count, NULL, &err);
        assert_int_equal(code, feasible ? 0 : EXIT_INPUT);
        if (code)
            continue;
        int128 cost = o.money + o.waiting;
        bool agrees =
            s.terms.pool_periods ? o.lower_bound <= want && want <= cost && (!o.exact || cost == want) : cost == want;
        if (!agrees)
            fail_msg("program %zu: cbc has %lld, here it is %lld (at least %lld)", i, (long long)want, (long long)cost,
                     (long long)o.lower_bound);
        optimum_release(&o);
    }
    char path[200];
    snprintf(path, sizeof(path), "%s/program.lp", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/solution.txt", folder);
    unlink(path);
    rmdir(folder);
    if (!there) {
        print_message("# no cbc here (Debian: coinor-cbc): the mixed-integer programs are passed over\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_solver_agrees)};
    return cmocka_run_group_tests_name("optimum_milp", tests, NULL, NULL);
}
