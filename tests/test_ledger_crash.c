/*
 * The ledger under crashes: a process that books is killed at every write and every sync, once with what it wrote on
 * disk as it is, once as after a loss of power, with writes that were not synced lost or torn. After each: SQLite's own
 * check and the ledger's, nothing that was reported as booked is gone, and booking everything again makes it whole,
 * once.
 *
 * The faults come from a VFS around SQLite's own. For a loss of power it keeps what each unsynced write replaced.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "billing/ledger.h"
#include "billing/settled.h"
#include "tests/support_bill.h"

enum crash { CRASH_KILL, CRASH_POWER };

/* What a write replaced. */
struct undo {
    sqlite3_file *real;
    sqlite3_int64 offset, old_size;
    int len, old_len;
    char *old;
    struct undo *next;
};

static struct {
    enum crash crash;
    long left; /* operations until the crash; below zero: never */
    unsigned seed;
    struct undo *unsynced;
} scene;

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_vfs shim_vfs;
static sqlite3_vfs *real_vfs;

static unsigned next_random(void)
{
    scene.seed = scene.seed * 1103515245u + 12345u;
    return scene.seed >> 16;
}

/* Takes unsynced writes back, the last first: none, all, or some, as a disk may have them. */
static void lose_power(void)
{
    unsigned how = next_random() % 3;
    for (struct undo *u = scene.unsynced; u; u = u->next) {
        if (how == 0 || (how == 1 && next_random() % 2))
            continue;
        if (u->old_len)
            u->real->pMethods->xWrite(u->real, u->old, u->old_len, u->offset);
        if (u->old_size < u->offset + u->len)
            u->real->pMethods->xTruncate(u->real, u->old_size);
    }
}

static void count_down(void)
{
    if (scene.left < 0 || scene.left-- > 0)
        return;
    if (scene.crash == CRASH_POWER)
        lose_power();
    _exit(99);
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct shim_file *)f)->real;
}

static int shim_close(sqlite3_file *f)
{
    int code = real_of(f)->pMethods->xClose(real_of(f));
    free(real_of(f));
    return code;
}

static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static void remember(sqlite3_file *real, int n, sqlite3_int64 at)
{
    struct undo *u = mem_zero(1, sizeof(*u));
    u->real = real;
    u->offset = at;
    u->len = n;
    real->pMethods->xFileSize(real, &u->old_size);
    u->old_len = u->old_size <= at ? 0 : u->old_size - at < n ? (int)(u->old_size - at) : n;
    u->old = mem_zero((size_t)u->old_len + 1, 1);
    if (u->old_len)
        real->pMethods->xRead(real, u->old, u->old_len, at);
    u->next = scene.unsynced;
    scene.unsynced = u;
}

static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    if (scene.crash == CRASH_POWER && scene.left >= 0)
        remember(real_of(f), n, at);
    if (scene.left == 0) /* the write at which it happens is torn */
        real_of(f)->pMethods->xWrite(real_of(f), from, n / 2, at);
    count_down();
    return real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int shim_sync(sqlite3_file *f, int flags)
{
    count_down();
    int code = real_of(f)->pMethods->xSync(real_of(f), flags);
    struct undo **at = &scene.unsynced;
    while (*at) {
        struct undo *u = *at;
        if (u->real != real_of(f)) {
            at = &u->next;
            continue;
        }
        *at = u->next;
        free(u->old);
        free(u);
    }
    return code;
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int shim_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int shim_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int shim_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int shim_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int shim_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int shim_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)) & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int shim_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), region, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shim_shm_unmap(sqlite3_file *f, int del)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), del);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_traits,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct shim_file *shim = (struct shim_file *)f;
    (void)vfs;
    shim->real = mem_zero(1, (size_t)real_vfs->szOsFile);
    int code = real_vfs->xOpen(real_vfs, name, shim->real, flags, out_flags);
    f->pMethods = shim->real->pMethods ? &shim_methods : NULL;
    if (!f->pMethods)
        free(shim->real);
    return code;
}

static void install_shim(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    shim_vfs = *real_vfs;
    shim_vfs.zName = "crash";
    shim_vfs.szOsFile = sizeof(struct shim_file);
    shim_vfs.xOpen = shim_open;
    shim_vfs.pNext = NULL;
    sqlite3_vfs_register(&shim_vfs, 1);
}

/* ---- what is booked ---- */

#define USES 4
#ifdef __SANITIZE_ADDRESS__
#define STEP 5 /* crashes tried: every so many operations */
#else
#define STEP 1
#endif

static char in_memory[] =
    "/dev/shm/test_ledger_crash.XXXXXX"; /* where a sync costs nothing; the shim counts it all the same */
static char on_disk[] = "/tmp/test_ledger_crash.XXXXXX";
static char path[64];
static volatile int *reported; /* shared with the child: so many steps were reported as booked */

/* Each step is one call that returns when what it books is durable. */
static int step(struct ledger *l, int number, struct err *err)
{
    char id[16];
    snprintf(id, sizeof(id), "d-%d", number / 3);
    const struct ledger_scope scope = {id, "production", "shop"};
    instant_t start = at("2018-08-01") + number / 3 * 7200;
    enum ledger_booked booked;
    if (number % 3 == 0)
        return ledger_deployment_begin(l, &scope, "abc", start, usd("0.5"), "a guess", start, err);
    if (number % 3 == 2)
        return ledger_deployment_end(l, id, start + 3600, "completed", start, err);
    const struct ledger_usage u = {.key = id,
                                   .kind = "instance",
                                   .resource = id,
                                   .account = "",
                                   .type = "t",
                                   .region = "r",
                                   .zone = "",
                                   .os = "linux",
                                   .start = start,
                                   .end = start + 3600,
                                   .usd = usd("1")};
    return ledger_record(l, &u, &scope, NULL, start, &booked, err);
}

/* Every kind of writer once: begin, record, run on, adjust, remark, settle while it runs, end, a CI job, settle, end,
 * say that all is known. */
#define WRITERS 11
#define HELD    "type,region,hourly_usd,start,end\nt,r,0.05,2018-01-01,2019-01-01\n"

static int record_one(struct ledger *l, const char *key, const char *kind, int64_t hours, bool open, struct err *err)
{
    bool instance = strcmp(kind, "instance") == 0;
    const struct ledger_scope scope = {"d-1", "production", "shop"};
    instant_t start = at("2018-08-01");
    enum ledger_booked booked;
    const struct ledger_usage u = {.key = key,
                                   .kind = kind,
                                   .resource = key,
                                   .account = "",
                                   .type = instance ? "t" : "",
                                   .region = "r",
                                   .zone = "",
                                   .os = instance ? "linux" : "",
                                   .start = start,
                                   .end = start + (instance ? hours * 3600 : 90),
                                   .open = open,
                                   .usd = instance ? usd("0.1") : usd("0.01"),
                                   .regime = CHOOSE_HOURLY};
    return ledger_record(l, &u, &scope, NULL, start, &booked, err);
}

static int settle_at(struct ledger *l, int64_t hours, struct err *err)
{
    struct bill_sources sources = {.reserved = "held"};
    struct bill_files files = {.names = names_new()};
    struct ledger_settled done = {0};
    instant_t now = at("2018-08-01") + hours * 3600;
    int code = reservations_open_text(&files.reservations, files.names, "held", HELD, strlen(HELD), NULL, err);
    if (!code)
        code = settled_book(l, &files, &sources, calendar_month(now), now, &done, NULL, err);
    bill_files_release(&files);
    return code;
}

static int write_one(struct ledger *l, int number, struct err *err)
{
    const struct ledger_scope scope = {"d-1", "production", "shop"};
    instant_t start = at("2018-08-01");
    bool booked;
    switch (number) {
    case 0:
        return ledger_deployment_begin(l, &scope, "abc", start, usd("0.5"), "a guess", start, err);
    case 1:
        return record_one(l, "i-1", "instance", 1, true, err);
    case 2:
        return record_one(l, "i-1", "instance", 3, true, err);
    case 3:
        return ledger_adjust(l, "a", &scope, "expense:adjustment", start, usd("1"), "why", start, &booked, err);
    case 4:
        return ledger_remark(l, "o", "override", &scope, "a reason", start, err);
    case 5:
        return settle_at(l, 4, err);
    case 6:
        return record_one(l, "i-1", "instance", 5, false, err);
    case 7:
        return record_one(l, "job", "ci-minute", 0, false, err);
    case 8:
        return settle_at(l, 6, err);
    case 9:
        return ledger_deployment_end(l, "d-1", start + 6 * 3600, "completed", start, err);
    default:
        return ledger_synced(l, start + 7 * 3600, err);
    }
}

/* What is booked, and what of it must be there once so many steps were reported. */
struct course {
    int steps;
    int (*step)(struct ledger *l, int number, struct err *err);
    void (*is_there)(struct ledger *l, int reported, long n);
    const char *usd; /* in the end */
};

static int book_all(const struct course *plan)
{
    struct ledger *l = NULL;
    struct err err;
    int code = ledger_open(&l, path, LEDGER_WRITE, &err);
    for (int i = 0; i < plan->steps && !code; i++) {
        code = plan->step(l, i, &err);
        if (!code && *reported < i + 1)
            *reported = i + 1;
    }
    ledger_close(l);
    return code;
}

static void remove_files(void)
{
    const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char name[80];
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int64_t usd_in(struct ledger *l, const char *account)
{
    const struct ledger_filter f = {.from = 0, .to = INSTANT_MAX, .account = account, .unit = "usd"};
    struct err err;
    int64_t sum = -1;
    assert_int_equal(ledger_sum(l, &f, &sum, &err), 0);
    return sum;
}

static int64_t usd_booked(struct ledger *l)
{
    return usd_in(l, "expense:");
}

static void uses_are_there(struct ledger *l, int steps, long n)
{
    int uses = (steps + 1) / 3; /* every third step books one */
    if (usd_booked(l) < uses * usd("1"))
        fail_msg("crash at %ld: %d uses were reported, %.2f USD are there", n, uses, (double)usd_booked(l) / 1e10);
}

/* At four hours there are 0.05 of fees each, at six the job's two minutes beside them. */
static void sums_are_there(struct ledger *l, int steps, long n)
{
    static const struct {
        int steps;
        const char *account, *usd;
    } least[] = {{4, "expense:adjustment", "1"},
                 {6, "expense:reserved-fee", "0.2"},
                 {8, "expense:ci-minute", "0.02"},
                 {9, "expense:reserved-fee", "0.3"}};
    for (size_t i = 0; i < sizeof(least) / sizeof(*least); i++)
        if (steps >= least[i].steps && usd_in(l, least[i].account) < usd(least[i].usd))
            fail_msg("crash at %ld: after %d steps %s lacks", n, steps, least[i].account);
}

/* And the instance, an hour 0.1, behind each step: known are one, then three; settled at four hours all are covered;
 * the fifth is told after that, and covered at six. */
static void writers_are_there(struct ledger *l, int steps, long n)
{
    static const char *const instance[WRITERS + 1] = {"0", "0",   "0.1", "0.3", "0.3", "0.3",
                                                      "0", "0.1", "0.1", "0",   "0",   "0"};
    int next = steps < WRITERS ? steps + 1 : steps; /* the step behind the last that was reported may be there too */
    int64_t is = usd_in(l, "expense:instance");
    sums_are_there(l, steps, n);
    if (is != usd(instance[steps]) && is != usd(instance[next]))
        fail_msg("crash at %ld: after %d steps the instance is %.2f USD", n, steps, (double)is / 1e10);
}

static const struct course uses_plan = {3 * USES, step, uses_are_there, "4"};
/* 1 of adjustment, 6 x 0.05 of fees, two minutes at 0.01; the instance's five hours are covered. */
static const struct course writers_plan = {WRITERS, write_one, writers_are_there, "1.32"};
/* Where others' uses are there too. */
static const struct course among_others = {WRITERS, write_one, sums_are_there, NULL};

static void assert_sound(const struct course *plan, long n)
{
    struct ledger *l = NULL;
    struct err err = {0};
    struct diag diag = {.out = stderr};
    if (ledger_open(&l, path, LEDGER_WRITE, &err))
        fail_msg("crash at %ld: %s", n, err.text);
    if (ledger_check(l, &diag, &err))
        fail_msg("crash at %ld: %s", n, err.text);
    plan->is_there(l, *reported, n);
    ledger_close(l);
}

/* Runs the booking until the crash; false: it came to its end before. */
static bool crash_at(const struct course *plan, enum crash crash, long n)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        scene.crash = crash;
        scene.left = n;
        scene.seed = (unsigned)n * 2654435761u + 1;
        install_shim();
        _exit(book_all(plan));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 99);
    return WEXITSTATUS(status) == 99;
}

static void crash_loop(const struct course *plan, enum crash crash)
{
    long n = 0;
    bool crashed = true;
    for (; crashed; n += STEP) {
        remove_files();
        *reported = 0;
        crashed = crash_at(plan, crash, n);
        if (crash == CRASH_POWER) { /* shared memory does not outlive it */
            char name[80];
            snprintf(name, sizeof(name), "%s-shm", path);
            unlink(name);
        }
        assert_sound(plan, n);
        assert_int_equal(book_all(plan), 0);
        *reported = plan->steps;
        assert_sound(plan, n);
        struct ledger *l = NULL;
        struct err err;
        assert_int_equal(ledger_open(&l, path, LEDGER_READ, &err), 0);
        assert_int_equal(usd_booked(l), usd(plan->usd));
        ledger_close(l);
    }
    assert_true(n > 20);
}

static void killed_at_every_write(void **state)
{
    (void)state;
    crash_loop(&uses_plan, CRASH_KILL);
}

static void power_lost_at_every_write(void **state)
{
    (void)state;
    crash_loop(&uses_plan, CRASH_POWER);
}

static void every_writer_killed_at_every_write(void **state)
{
    (void)state;
    crash_loop(&writers_plan, CRASH_KILL);
}

static void power_lost_under_every_writer(void **state)
{
    (void)state;
    crash_loop(&writers_plan, CRASH_POWER);
}

/* One writes the uses, to the end; beside it the other writers are killed, begin anew and are killed a little later. */
static void one_dies_beside_another(void **state)
{
    (void)state;
    remove_files();
    *reported = 0;
    struct ledger *l = NULL;
    struct err err;
    assert_int_equal(ledger_open(&l, path, LEDGER_WRITE, &err), 0);
    ledger_close(l);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static volatile int mine;
        reported = &mine;
        for (int i = 0; i < 10; i++)
            if (book_all(&uses_plan))
                _exit(1);
        _exit(0);
    }
    bool crashed = true;
    for (long n = 3; crashed; n += 7)
        crashed = crash_at(&among_others, CRASH_KILL, n);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(*reported, WRITERS);
    assert_sound(&among_others, 0);
    assert_int_equal(ledger_open(&l, path, LEDGER_READ, &err), 0);
    /* What of it is covered depends on which of the uses were there when it was settled last. */
    assert_int_equal(usd_in(l, "expense:adjustment"), usd("1"));
    assert_int_equal(usd_in(l, "expense:ci-minute"), usd("0.02"));
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_write),
        cmocka_unit_test(power_lost_at_every_write),
        cmocka_unit_test(every_writer_killed_at_every_write),
        cmocka_unit_test(power_lost_under_every_writer),
        cmocka_unit_test(one_dies_beside_another),
    };
    const char *folder = mkdtemp(in_memory);
    folder = folder ? folder : mkdtemp(on_disk);
    if (!folder)
        return 1;
    snprintf(path, sizeof(path), "%s/l.db", folder);
    // cppcheck-suppress invalidFunctionArg ; an anonymous map has the descriptor -1
    reported = mmap(NULL, sizeof(*reported), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_files();
    rmdir(folder);
    return failed;
}
