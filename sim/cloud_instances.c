/*
 * The life of an instance: power, guest, metering. What leaves `running` is metered in that moment; what enters it
 * opens a running period. The guest's own power-off is noticed through its callback and acted on by an event at the
 * same instant, never inside the callback.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void sc_meter(struct simcloud *cloud, enum sc_meter meter, const struct sc_object *o, const char *zone,
              const char *type, int64_t start_ms, int64_t quantity)
{
    assert(start_ms <= cloud->now_ms);
    cloud->periods = mem_grow(cloud->periods, &cloud->period_cap, cloud->period_count + 1, sizeof *cloud->periods);
    cloud->periods[cloud->period_count++] = (struct sc_period){.meter = meter,
                                                               .account = o->place->account,
                                                               .region = o->place->region,
                                                               .zone = zone,
                                                               .id = o->id,
                                                               .type = type,
                                                               .start_ms = start_ms,
                                                               .end_ms = cloud->now_ms,
                                                               .quantity = quantity};
}

static void close_period(struct simcloud *cloud, struct sc_instance *i)
{
    assert(i->running_ms >= 0);
    sc_meter(cloud, METER_INSTANCE, &i->o, i->spec.zone, i->spec.type, i->running_ms, 1);
    if (*i->public_ip)
        sc_meter(cloud, METER_ADDRESS, &i->o, i->spec.zone, i->public_ip, i->running_ms, 1);
    i->running_ms = -1;
}

static struct simcloud_instance shown_to_hooks(const struct sc_instance *i)
{
    return (struct simcloud_instance){i->o.id, i->spec.image, i->private_ip, i->public_ip, i->guest};
}

static void hook(struct simcloud *cloud, struct sc_instance *i,
                 void (*call)(void *, const struct simcloud_instance *, int64_t))
{
    if (!call)
        return;
    struct simcloud_instance shown = shown_to_hooks(i);
    call(cloud->options.hooks.context, &shown, cloud->now_ms);
}

void simcloud_tell_running(struct simcloud *cloud)
{
    for (size_t p = 0; p < cloud->place_count; p++)
        SC_EACH(sc_instance, i, cloud->places[p], SC_INSTANCE)
    if (i->o.state == INSTANCE_RUNS)
        hook(cloud, i, cloud->options.hooks.guest_changed);
}

/* ---- the guest ---- */

void sc_guest_changed(void *context, struct guest *guest, int64_t now_ms)
{
    struct sc_instance *i = context;
    struct simcloud *cloud = i->o.place->cloud;
    int64_t next = guest_next_ms(guest);
    if (guest_phase(guest) == GUEST_OFF && i->o.state == INSTANCE_RUNS && !i->rebooting)
        next = now_ms;
    sc_timer_set(cloud, &i->o, SC_GUEST_TIMER, next);
    sc_targets_guest_changed(cloud, i);
    if (i->guest == guest)
        hook(cloud, i, cloud->options.hooks.guest_changed);
}

struct guest *sc_make_guest(struct simcloud *cloud, struct sc_instance *i, struct guest_disk *disk, int64_t more_ms)
{
    struct guest_settings settings = cloud->options.guest;
    settings.cmdline_ms = cloud->options.times.cmdline_ms;
    settings.boot_ms = i->boot_lasts = sc_draw_ms(cloud, &i->o, cloud->options.times.boot_ms) + more_ms;
    return guest_new(&settings, disk, sc_guest_changed, i);
}

/* What a fault's rule is matched against: image, type, tags. */
static const char *detail_of(struct simcloud *cloud, const struct sc_instance *i)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s %s %s %s", i->spec.image, i->spec.type, i->o.place->region, i->group);
    for (size_t t = 0; t < i->o.tags.count; t++)
        str_addf(&text, " %s=%s", i->o.tags.items[t].key, i->o.tags.items[t].value);
    const char *kept = arena_dup(&cloud->scratch, text.text);
    str_release(&text);
    return kept;
}

/* From its image at the first start, from its own disk later on: a guest of its own for each start, since each boot
 * takes its own time. */
static void give_power(struct simcloud *cloud, struct sc_instance *i, struct guest_disk *first_disk)
{
    struct fault_verdict boot = {0};
    struct fault_verdict life = {0};
    if (cloud->options.faults) {
        const char *detail = detail_of(cloud, i);
        boot = fault_of_fate(cloud->options.faults, FATE_BOOT, i->o.id, detail, cloud->now_ms);
        life = fault_of_fate(cloud->options.faults, FATE_LIFE, i->o.id, detail, cloud->now_ms);
    }
    struct guest_disk *disk = i->guest ? guest_snapshot(i->guest, cloud->now_ms) : guest_disk_ref(first_disk);
    struct guest *old = i->guest;
    i->guest = NULL;
    guest_free(old);
    i->guest = sc_make_guest(cloud, i, disk, boot.delay_ms);
    guest_power_on(i->guest, cloud->now_ms);
    hook(cloud, i, cloud->options.hooks.power_on);
    if (boot.kind == FAULT_NEVER_BOOTS || strcmp(i->spec.http_tokens, "required") == 0)
        guest_stick(i->guest, cloud->now_ms);
    int64_t end_ms = SIMCLOUD_NEVER;
    if (boot.kind == FAULT_UNHEALTHY)
        end_ms = cloud->now_ms + cloud->options.times.boot_ms + boot.delay_ms;
    if (life.kind == FAULT_DIES)
        end_ms = cloud->now_ms + life.delay_ms;
    sc_timer_set(cloud, &i->o, SC_FATE_TIMER, end_ms);
}

static void take_power(struct simcloud *cloud, struct sc_instance *i, bool clean)
{
    sc_timer_set(cloud, &i->o, SC_FATE_TIMER, SIMCLOUD_NEVER);
    if (!i->guest)
        return;
    if (clean)
        guest_shutdown(i->guest, cloud->now_ms);
    else
        guest_power_cut(i->guest, cloud->now_ms);
    sc_timer_set(cloud, &i->o, SC_GUEST_TIMER, SIMCLOUD_NEVER);
    hook(cloud, i, cloud->options.hooks.power_off);
}

/* ---- the machine ---- */

static void changed(struct simcloud *cloud, struct sc_instance *i)
{
    sc_group_instance_changed(cloud, i);
    sc_targets_instance_changed(cloud, i);
}

static void leave_running(struct simcloud *cloud, struct sc_instance *i)
{
    if (i->o.state == INSTANCE_RUNS)
        close_period(cloud, i);
}

static void give_reason(struct simcloud *cloud, struct sc_instance *i, const char *code, const char *reason)
{
    i->reason_code = sc_intern(cloud, code);
    i->reason = sc_intern(cloud, reason);
    i->told_ms = *code ? cloud->now_ms : 0;
}

void sc_instance_stop(struct simcloud *cloud, struct sc_instance *i, bool force, const char *code, const char *reason)
{
    assert(i->o.state == INSTANCE_RUNS);
    leave_running(cloud, i);
    give_reason(cloud, i, code, reason);
    sc_step(cloud, &i->o, INSTANCE_STOPS, code);
    take_power(cloud, i, !force);
    sc_timer_set(cloud, &i->o, SC_STATE_TIMER, cloud->now_ms + sc_draw_ms(cloud, &i->o, cloud->options.times.stop_ms));
    changed(cloud, i);
}

void sc_instance_terminate(struct simcloud *cloud, struct sc_instance *i, const char *code, const char *reason)
{
    if (i->o.state == INSTANCE_SHUTS_DOWN || i->o.state == INSTANCE_GONE)
        return;
    leave_running(cloud, i);
    give_reason(cloud, i, code, reason);
    sc_step(cloud, &i->o, INSTANCE_SHUTS_DOWN, code);
    take_power(cloud, i, true);
    sc_timer_set(cloud, &i->o, SC_STATE_TIMER,
                 cloud->now_ms + sc_draw_ms(cloud, &i->o, cloud->options.times.terminate_ms));
    changed(cloud, i);
}

static void start_running(struct simcloud *cloud, struct sc_instance *i)
{
    sc_step(cloud, &i->o, INSTANCE_RUNS, "");
    i->running_ms = cloud->now_ms;
    give_power(cloud, i, i->first_disk);
    guest_disk_unref(i->first_disk);
    i->first_disk = NULL;
    changed(cloud, i);
}

static void end_life(struct simcloud *cloud, struct sc_instance *i)
{
    sc_step(cloud, &i->o, INSTANCE_GONE, "");
    struct sc_volume *v = sc_find(cloud, i->o.place, SC_VOLUME, i->root_volume);
    if (v)
        sc_volume_detach(cloud, i, v);
    i->root_volume = cloud->empty;
    i->private_ip = i->public_ip = cloud->empty;
    changed(cloud, i);
    sc_timer_set(cloud, &i->o, SC_STATE_TIMER, cloud->now_ms + cloud->options.times.forget_ms);
}

static void state_event(struct simcloud *cloud, struct sc_instance *i)
{
    switch (i->o.state) {
    case INSTANCE_IS_PENDING:
        start_running(cloud, i);
        break;
    case INSTANCE_STOPS:
        sc_step(cloud, &i->o, INSTANCE_STOPPED_IS, i->reason_code);
        i->public_ip = cloud->empty;
        changed(cloud, i);
        break;
    case INSTANCE_SHUTS_DOWN:
        end_life(cloud, i);
        break;
    default:
        assert(i->o.state == INSTANCE_GONE);
        if (*i->group) /* a group that may not replace it still shows it */
            sc_timer_set(cloud, &i->o, SC_STATE_TIMER, cloud->now_ms + cloud->options.times.forget_ms);
        else
            sc_free_object(cloud, &i->o);
    }
}

/* The guest went off by itself: what InstanceInitiatedShutdownBehavior says. */
static void went_off(struct simcloud *cloud, struct sc_instance *i)
{
    const char *code = "Client.InstanceInitiatedShutdown";
    const char *reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
    if (strcmp(i->spec.shutdown, "terminate") == 0)
        sc_instance_terminate(cloud, i, code, reason);
    else
        sc_instance_stop(cloud, i, false, code, reason);
}

void sc_instance_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    struct sc_instance *i = (struct sc_instance *)o;
    if (which == SC_STATE_TIMER) {
        state_event(cloud, i);
        return;
    }
    if (i->o.state != INSTANCE_RUNS || !i->guest)
        return;
    if (which == SC_FATE_TIMER)
        guest_kill_app(i->guest, cloud->now_ms);
    else if (guest_phase(i->guest) == GUEST_OFF)
        went_off(cloud, i);
    else
        guest_advance(i->guest, cloud->now_ms);
}

bool sc_instance_ok(const struct sc_instance *i)
{
    return i->o.state == INSTANCE_RUNS;
}

void sc_instance_start(struct simcloud *cloud, struct sc_instance *i)
{
    sc_step(cloud, &i->o, INSTANCE_IS_PENDING, "");
    give_reason(cloud, i, "", "");
    i->launch_ms = cloud->now_ms;
    if (!*i->public_ip && i->spec.public_ip >= 0)
        sc_give_public_address(cloud, i);
    sc_timer_set(cloud, &i->o, SC_STATE_TIMER,
                 cloud->now_ms + sc_draw_ms(cloud, &i->o, cloud->options.times.pending_ms));
}

/* ---- birth ---- */

static bool address_taken(const struct simcloud *cloud, const char *address)
{
    for (size_t p = 0; p < cloud->place_count; p++)
        SC_EACH(sc_instance, i, cloud->places[p], SC_INSTANCE)
    if (strcmp(i->private_ip, address) == 0 || strcmp(i->public_ip, address) == 0)
        return true;
    return false;
}

#define ADDRESSES 60000 /* in each range, before they come round again */

static const char *new_address(struct simcloud *cloud, const char *first_two)
{
    for (;;) {
        uint64_t n = cloud->addresses++;
        uint64_t at = n % ADDRESSES;
        const char *address =
            arena_textf(&cloud->scratch, "%s.%u.%u", first_two, (unsigned)(at / 240), (unsigned)(at % 240 + 10));
        if (n < ADDRESSES || !address_taken(cloud, address))
            return sc_intern(cloud, address);
    }
}

void sc_give_public_address(struct simcloud *cloud, struct sc_instance *i)
{
    i->public_ip = cloud->options.loopback ? i->private_ip : new_address(cloud, "54.210");
}

struct sc_instance *sc_launch_instance(struct simcloud *cloud, struct sc_place *place, const struct sc_launch *launch)
{
    struct sc_instance *i = sc_new_id(cloud, place, SC_INSTANCE, "i-", "");
    sc_spec_copy(&i->spec, launch->spec);
    int at = launch->zone ? sc_zone_of(place, launch->zone) : (int)sc_draw_below(cloud, &i->o, 3);
    i->spec.zone = place->zones[at];
    i->spec.subnet = place->subnets[at];
    if (!*i->spec.type)
        i->spec.type = sc_intern(cloud, "t2.micro");
    if (!*i->spec.shutdown)
        i->spec.shutdown = sc_intern(cloud, "stop");
    if (i->spec.security_groups.count == 0)
        sc_texts_add(&i->spec.security_groups, sc_default_security_group(cloud, place)->o.id);
    if (!*i->spec.http_tokens)
        i->spec.http_tokens = sc_intern(cloud, strcmp(launch->image->imds, "v2.0") == 0 ? "required" : "optional");
    i->lifecycle = MEMBER_LEFT;
    i->running_ms = i->in_service_ms = -1;
    i->launch_ms = cloud->now_ms;
    char network[16] = "172.31";
    if (cloud->options.loopback)
        str_fit(network, sizeof(network), "127.%d", cloud->options.loopback);
    i->private_ip = new_address(cloud, network);
    if (i->spec.public_ip >= 0)
        sc_give_public_address(cloud, i);
    i->first_disk = guest_disk_ref(launch->image->disk);
    sc_put_tags(cloud, &i->o, &i->spec.instance_tags);
    int64_t size_gb = i->spec.volume_gb ? i->spec.volume_gb : launch->image->volume_gb;
    const char *type = *i->spec.volume_type ? i->spec.volume_type : launch->image->volume_type;
    struct sc_volume *v = sc_volume_new(cloud, i, size_gb, type, launch->image->snapshot, !i->spec.keep_volume);
    sc_put_tags(cloud, &v->o, &i->spec.volume_tags);
    i->root_volume = v->o.id;
    sc_trace(cloud, &i->o, "instance", "", "pending", i->spec.image);
    sc_timer_set(cloud, &i->o, SC_STATE_TIMER,
                 cloud->now_ms + sc_draw_ms(cloud, &i->o, cloud->options.times.pending_ms));
    return i;
}
