#include "sim/guest_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/guest_codec.h"

#define KERNEL_LEAD_MS 1000 /* the kernel counts its uptime before the REST server answers */
#define DMESG_MAX      ((size_t)64 << 10)

/* Which phase may follow which. */
static const bool may_follow[GUEST_STUCK + 1][GUEST_STUCK + 1] = {
    [GUEST_OFF] = {[GUEST_BOOTING] = true},
    [GUEST_BOOTING] = {[GUEST_OFF] = true, [GUEST_UP] = true, [GUEST_REBOOTING] = true, [GUEST_STUCK] = true},
    [GUEST_UP] = {[GUEST_OFF] = true, [GUEST_REBOOTING] = true, [GUEST_STUCK] = true},
    [GUEST_REBOOTING] = {[GUEST_OFF] = true, [GUEST_UP] = true, [GUEST_REBOOTING] = true, [GUEST_STUCK] = true},
    [GUEST_STUCK] = {[GUEST_OFF] = true, [GUEST_REBOOTING] = true},
};

static void enter(struct guest *g, enum guest_phase phase, int64_t end_ms)
{
    assert(may_follow[g->phase][phase]);
    g->phase = phase;
    g->phase_end_ms = end_ms;
}

static void lose_connections(struct guest *g, int64_t now_ms)
{
    g->epoch++;
    g->epoch_ms = now_ms;
}

void guest_touched(struct guest *g, int64_t now_ms)
{
    if (g->changed)
        g->changed(g->context, g, now_ms);
}

struct guest_settings guest_settings_default(void)
{
    return (struct guest_settings){.boot_ms = 8000, .reboot_ms = 4600, .flush_ms = 5000, .ns_per_byte = 751};
}

struct guest *guest_new(const struct guest_settings *settings, struct guest_disk *disk, guest_changed *changed,
                        void *context)
{
    struct guest *g = mem_zero(1, sizeof *g);
    g->settings = *settings;
    assert(g->settings.flush_ms > 0 && g->settings.ns_per_byte > 0);
    g->disk = disk;
    g->cmdline = mem_dup(disk->cmdline);
    g->hostname = mem_dup("osv.local");
    str_init(&g->dmesg, DMESG_MAX);
    g->phase_end_ms = g->app_end_ms = g->kernel_ms = GUEST_NEVER;
    g->changed = changed;
    g->context = context;
    return g;
}

static void destroy(struct guest *g)
{
    live_settle(g, INT64_MIN, true);
    boot_plan_release(&g->plan);
    guest_disk_unref(g->disk);
    free(g->changes);
    free(g->cmdline);
    free(g->hostname);
    str_release(&g->dmesg);
    free(g);
}

void guest_free(struct guest *g)
{
    if (!g)
        return;
    g->changed = NULL;
    if (g->conns == 0) {
        destroy(g);
        return;
    }
    g->orphan = true;
    lose_connections(g, g->epoch_ms);
}

/* ---- power ---- */

static void start_kernel(struct guest *g, int64_t up_ms)
{
    g->kernel_ms = up_ms - KERNEL_LEAD_MS;
    g->api_dead = false;
    g->app = GUEST_APP_NONE;
    g->app_end_ms = GUEST_NEVER;
}

static void go_off(struct guest *g, int64_t now_ms)
{
    enter(g, GUEST_OFF, GUEST_NEVER);
    lose_connections(g, now_ms);
    g->kernel_ms = g->app_end_ms = GUEST_NEVER;
    if (g->app == GUEST_APP_STARTING || g->app == GUEST_APP_RUNNING)
        g->app = GUEST_APP_NONE;
}

void guest_power_on(struct guest *g, int64_t now_ms)
{
    if (g->phase != GUEST_OFF)
        return;
    enter(g, GUEST_BOOTING, now_ms + g->settings.boot_ms);
    start_kernel(g, g->phase_end_ms);
    guest_touched(g, now_ms);
}

void guest_power_cut(struct guest *g, int64_t now_ms)
{
    if (g->phase == GUEST_OFF)
        return;
    live_settle(g, now_ms, true);
    go_off(g, now_ms);
    guest_touched(g, now_ms);
}

/* All but /tmp goes to the disk, whenever it would have been written. */
static void flush_all(struct guest *g)
{
    live_settle(g, GUEST_NEVER - 1, true);
}

void guest_shutdown(struct guest *g, int64_t now_ms)
{
    if (g->phase == GUEST_OFF)
        return;
    if (g->phase == GUEST_UP)
        flush_all(g);
    guest_power_cut(g, now_ms);
}

void guest_reboot(struct guest *g, int64_t now_ms)
{
    if (g->phase == GUEST_OFF)
        return;
    live_settle(g, now_ms, true);
    enter(g, GUEST_REBOOTING, now_ms + g->settings.reboot_ms);
    start_kernel(g, g->phase_end_ms);
    guest_touched(g, now_ms);
}

void guest_stick(struct guest *g, int64_t now_ms)
{
    if (g->phase == GUEST_OFF || g->phase == GUEST_STUCK)
        return;
    enter(g, GUEST_STUCK, GUEST_NEVER);
    g->app = GUEST_APP_NONE;
    g->app_end_ms = GUEST_NEVER;
    guest_touched(g, now_ms);
}

void guest_kill_app(struct guest *g, int64_t now_ms)
{
    if (g->phase == GUEST_OFF)
        return;
    live_settle(g, now_ms, true);
    go_off(g, now_ms);
    g->app = GUEST_APP_FAILED;
    guest_touched(g, now_ms);
}

void guest_replace_disk(struct guest *g, struct guest_disk *disk, int64_t now_ms)
{
    live_settle(g, INT64_MIN, true);
    guest_disk_unref(g->disk);
    g->disk = disk;
    free(g->cmdline);
    g->cmdline = mem_dup(disk->cmdline);
    guest_reboot(g, now_ms);
}

/* ---- what happens by itself ---- */

static void say(struct guest *g, const char *what, const char *detail)
{
    str_addf(&g->dmesg, "%s%s\n", what, detail);
}

static void start_programs(struct guest *g, int64_t now_ms)
{
    boot_plan_release(&g->plan);
    boot_plan_make(&g->plan, g);
    str_clear(&g->dmesg);
    say(g, "OSv v0.57.0-398-g0e34e4dc", "");
    say(g, "Cmdline: ", g->cmdline);
    if (g->plan.asserts) {
        say(g, "Assertion failed: the REST server is started twice", "");
        guest_stick(g, now_ms);
        return;
    }
    if (!g->plan.runs) {
        say(g, g->plan.corrupt ? "Error: Invalid or corrupt jarfile " : "Failed to load object: ",
            g->plan.corrupt ? g->plan.path : g->cmdline);
        guest_kill_app(g, now_ms);
        return;
    }
    if (g->plan.path) {
        g->app = GUEST_APP_STARTING;
        g->app_end_ms = g->settings.real_app ? GUEST_NEVER : now_ms + g->plan.start_ms;
    }
    guest_touched(g, now_ms);
}

static void end_phase(struct guest *g, int64_t now_ms)
{
    if (g->phase == GUEST_REBOOTING)
        lose_connections(g, now_ms);
    enter(g, GUEST_UP, GUEST_NEVER);
    start_programs(g, now_ms);
}

static void end_app_step(struct guest *g, int64_t now_ms)
{
    bool starting = g->app == GUEST_APP_STARTING;
    g->app_end_ms = GUEST_NEVER;
    if (!starting || g->plan.start_fails) {
        guest_kill_app(g, now_ms);
        return;
    }
    g->app = GUEST_APP_RUNNING;
    if (g->plan.die_after_ms != GUEST_NEVER)
        g->app_end_ms = now_ms + g->plan.die_after_ms;
    guest_touched(g, now_ms);
}

int64_t guest_next_ms(const struct guest *g)
{
    return g->phase_end_ms < g->app_end_ms ? g->phase_end_ms : g->app_end_ms;
}

void guest_advance(struct guest *g, int64_t now_ms)
{
    for (int64_t next = guest_next_ms(g); next <= now_ms; next = guest_next_ms(g)) {
        if (next == g->phase_end_ms)
            end_phase(g, next);
        else
            end_app_step(g, next);
    }
}

/* ---- what can be seen ---- */

enum guest_phase guest_phase(const struct guest *g)
{
    return g->phase;
}

enum guest_app guest_app(const struct guest *g)
{
    return g->app;
}

void guest_app_is(struct guest *g, enum guest_app app, int64_t now_ms)
{
    if (g->phase != GUEST_UP || g->app == app || (g->app != GUEST_APP_STARTING && g->app != GUEST_APP_RUNNING))
        return;
    if (app == GUEST_APP_FAILED) {
        guest_kill_app(g, now_ms);
        return;
    }
    g->app = app;
    guest_touched(g, now_ms);
}

int guest_probe(const struct guest *g, uint16_t port, const char *target)
{
    if (g->phase != GUEST_UP)
        return 0;
    if (port != GUEST_API_PORT)
        return g->app == GUEST_APP_RUNNING ? g->plan.status : 0;
    if (!g->plan.api || g->api_dead)
        return 0;
    return strcmp(target, "/os/version") == 0 || strcmp(target, "/os/uptime") == 0 ? 200 : 404;
}

int64_t guest_up_since_ms(const struct guest *g)
{
    return g->phase == GUEST_UP ? g->kernel_ms : GUEST_NEVER;
}

struct guest_disk *guest_snapshot(const struct guest *g, int64_t now_ms)
{
    return disk_apply(g->disk, g->changes, g->change_count, now_ms, g->cmdline);
}

bool guest_program(const struct guest *g, struct guest_program *out)
{
    if (!g->plan.path || !g->plan.blob)
        return false;
    *out = (struct guest_program){g->plan.path, g->plan.args, g->plan.blob->bytes, g->plan.blob->len};
    return true;
}

/* ---- as bytes ---- */

#define GUEST_MAGIC 0x424b4731 /* BKG1 */

void guest_encode(const struct guest *g, struct str *out)
{
    struct str disk;
    str_init(&disk, 2 * GUEST_DISK_MAX);
    guest_disk_encode(g->disk, &disk);
    code_i64(out, GUEST_MAGIC);
    code_bytes(out, disk.text, disk.len);
    str_release(&disk);
    code_text(out, g->cmdline);
    code_text(out, g->hostname);
    code_i64(out, g->phase);
    code_i64(out, g->app);
    code_i64(out, g->api_dead);
    code_i64(out, g->phase_end_ms);
    code_i64(out, g->app_end_ms);
    code_i64(out, g->kernel_ms);
    code_i64(out, (int64_t)g->change_count);
    for (size_t i = 0; i < g->change_count; i++) {
        code_i64(out, g->changes[i].durable_ms);
        code_i64(out, g->changes[i].gone);
        code_entry(out, &g->changes[i].entry);
    }
}

static void decode_changes(struct decoder *d, struct guest *g)
{
    int64_t count = decode_i64(d);
    d->bad |= count < 0 || count > GUEST_FILES_MAX;
    for (int64_t i = 0; i < count && !d->bad; i++) {
        struct change change = {.durable_ms = decode_i64(d)};
        change.gone = decode_i64(d) != 0;
        (void)decode_entry(d, &change.entry);
        g->changes = mem_grow(g->changes, &g->change_cap, g->change_count + 1, sizeof *g->changes);
        g->changes[g->change_count++] = change;
    }
}

struct guest *guest_decode(const struct guest_settings *settings, const char *bytes, size_t len, guest_changed *changed,
                           void *context)
{
    struct decoder d = {bytes, len, false};
    size_t disk_len = 0;
    d.bad = decode_i64(&d) != GUEST_MAGIC;
    const char *disk_bytes = decode_bytes(&d, &disk_len);
    struct guest_disk *disk = d.bad ? NULL : guest_disk_decode(disk_bytes, disk_len);
    if (!disk)
        return NULL;
    struct guest *g = guest_new(settings, disk, NULL, NULL);
    free(g->cmdline);
    g->cmdline = decode_text(&d);
    free(g->hostname);
    g->hostname = decode_text(&d);
    int64_t phase = decode_i64(&d);
    int64_t app = decode_i64(&d);
    d.bad |= phase < GUEST_OFF || phase > GUEST_STUCK || app < GUEST_APP_NONE || app > GUEST_APP_FAILED;
    g->api_dead = decode_i64(&d) != 0;
    g->phase_end_ms = decode_i64(&d);
    g->app_end_ms = decode_i64(&d);
    g->kernel_ms = decode_i64(&d);
    decode_changes(&d, g);
    bool waits = phase == GUEST_BOOTING || phase == GUEST_REBOOTING;
    d.bad |= waits != (g->phase_end_ms != GUEST_NEVER) || (phase != GUEST_UP && g->app_end_ms != GUEST_NEVER);
    if (d.bad || d.left) {
        destroy(g);
        return NULL;
    }
    g->phase = (enum guest_phase)phase;
    g->app = (enum guest_app)app;
    if (phase == GUEST_UP || phase == GUEST_STUCK)
        boot_plan_make(&g->plan, g);
    g->changed = changed;
    g->context = context;
    return g;
}
