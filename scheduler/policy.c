#include "scheduler/policy.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/opt.h"
#include "base/str.h"
#include "scheduler/outlook.h"

#define THETA_MAX  ((int64_t)100 * THETA_PER_ONE)
#define BUDGET_MAX ((int64_t)100000000 * THETA_PER_ONE)

/* The words of the command line; a letter says what follows the colon: n count, s seconds, t theta, r seed, u trust,
 * k kappa, b budget, - nothing. With a default the colon may be missing. */
struct word {
    const char *name;
    char arg;
    int kind;
    const char *usual;
};

static const struct word trigger_words[] = {
    {"every", '-', TRIGGER_EVERY, NULL},         {"idle", '-', TRIGGER_IDLE, NULL},
    {"count", 'n', TRIGGER_COUNT, NULL},         {"window", 's', TRIGGER_WINDOW, NULL},
    {"train", 's', TRIGGER_TRAIN, NULL},         {"area", 't', TRIGGER_AREA, NULL},
    {"sqrt", 'k', TRIGGER_SQRT, "0.5"},          {"random", 'r', TRIGGER_RANDOM, "1"},
    {"predict", 'u', TRIGGER_PREDICT, "0.25"},   {"mdp", '-', TRIGGER_MDP, NULL},
    {"budget", 'b', TRIGGER_BUDGET_HOURS, NULL}, {NULL, 0, 0, NULL},
};

static const struct word keep_words[] = {
    {"terminate", '-', KEEP_TERMINATE, NULL},
    {"hour", '-', KEEP_HOUR, NULL},
    {"idle", 's', KEEP_IDLE, NULL},
    {"rent", '-', KEEP_RENT, NULL},
    {NULL, 0, 0, NULL},
};

static const char *form_of(char arg)
{
    switch (arg) {
    case 'n':
        return ":N, N commits";
    case 's':
        return ":SECONDS";
    case 't':
        return ":THETA";
    case 'b':
        return ":HOURSh or :AMOUNTusd, of a month";
    default:
        return "";
    }
}

static int unknown_word(const char *what, const struct word *words, const char *text, struct err *err)
{
    const char *names[16];
    size_t count = 0;
    struct str list;
    str_init(&list, 256);
    for (; words[count].name; count++) {
        names[count] = words[count].name;
        str_addf(&list, "%s%s", count ? ", " : "", words[count].name);
    }
    names[count] = NULL;
    char name[40];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
    const char *nearest = opt_nearest(name, names);
    int code = nearest ? err_set(err, EXIT_INPUT, "\"%.60s\" is no %s; did you mean %s? There are: %s", text, what,
                                 nearest, list.text)
                       : err_set(err, EXIT_INPUT, "\"%.60s\" is no %s; there are: %s", text, what, list.text);
    str_release(&list);
    return code;
}

/* "100h": paid seconds a month; "25usd": money a month. */
static int parse_budget(const char *arg, int *kind, int64_t *out, struct err *err)
{
    size_t len = strlen(arg);
    bool hours = len > 1 && arg[len - 1] == 'h';
    bool usd = len > 3 && memcmp(arg + len - 3, "usd", 3) == 0;
    if ((!hours && !usd) || num_decimal(arg, len - (hours ? 1 : 3), 10, out) || *out < 1 || *out > BUDGET_MAX)
        return err_set(err, EXIT_INPUT,
                       "budget:%.40s: write what a month has, above 0, as budget:100h (paid hours) or budget:25usd; at "
                       "most 100000000",
                       arg);
    *kind = hours ? TRIGGER_BUDGET_HOURS : TRIGGER_BUDGET_USD;
    if (hours)
        *out = (int64_t)((int128)*out * 3600 / THETA_PER_ONE);
    if (*out < 1)
        return err_set(err, EXIT_INPUT, "budget:%.40s: less than a second", arg);
    return 0;
}

static int parse_arg(const struct word *word, const char *arg, int *kind, int64_t *out, struct err *err)
{
    if (word->arg == 'b')
        return parse_budget(arg, kind, out, err);
    if (word->arg == 'r') {
        if (num_i64(arg, strlen(arg), out) || *out < 0 || *out > UINT32_MAX)
            return err_set(err, EXIT_INPUT, "random:%.40s: a seed from 0 to 4294967295 is needed", arg);
        return 0;
    }
    if (word->arg == 'n') {
        if (num_i64(arg, strlen(arg), out) || *out < 1)
            return err_set(err, EXIT_INPUT, "%s:%.40s: a number of commits from 1 on is needed", word->name, arg);
        return 0;
    }
    if (word->arg == 't' || word->arg == 'k' || word->arg == 'u') {
        if (num_decimal(arg, strlen(arg), 10, out) || *out < 0 || *out > THETA_MAX)
            return err_set(err, EXIT_INPUT, "%s:%.40s: a number from 0 to 100 is needed, as 0.5", word->name, arg);
        return 0;
    }
    struct err detail;
    if (duration_parse(arg, out, &detail))
        return err_set(err, EXIT_INPUT, "%s: %s", word->name, detail.text);
    if (*out > POLICY_DURATION_MAX)
        return err_set(err, EXIT_INPUT, "%s:%.40s: longer than ten years", word->name, arg);
    return 0;
}

static int parse_word(const char *what, const struct word *words, const char *text, int *kind, int64_t *arg,
                      struct err *err)
{
    size_t len = strcspn(text, ":");
    const struct word *word = words;
    while (word->name && !(strlen(word->name) == len && memcmp(word->name, text, len) == 0))
        word++;
    if (!word->name)
        return unknown_word(what, words, text, err);
    bool given = text[len] == ':';
    if (!given && word->usual) {
        *kind = word->kind;
        return parse_arg(word, word->usual, kind, arg, err);
    }
    if (given != (word->arg != '-'))
        return err_set(err, EXIT_INPUT, given ? "\"%.60s\": %s takes no argument%s" : "\"%.60s\": write %s%s", text,
                       word->name, form_of(word->arg));
    *arg = 0;
    *kind = word->kind;
    return given ? parse_arg(word, text + len + 1, kind, arg, err) : 0;
}

int policy_parse_trigger(const char *text, struct trigger *out, struct err *err)
{
    int kind = 0;
    int64_t arg = 0;
    int code = parse_word("trigger", trigger_words, text, &kind, &arg, err);
    if (code)
        return code;
    if (kind == TRIGGER_TRAIN && arg < 1)
        return err_set(err, EXIT_INPUT, "train: the time between trains must be a second at least");
    *out = (struct trigger){(enum trigger_kind)kind, arg};
    return 0;
}

int policy_parse_keep(const char *text, struct keep *out, struct err *err)
{
    int kind = 0;
    int64_t arg = 0;
    int code = parse_word("keep", keep_words, text, &kind, &arg, err);
    if (!code)
        *out = (struct keep){(enum keep_kind)kind, arg};
    return code;
}

static const char *trigger_name(enum trigger_kind kind)
{
    return trigger_words[kind == TRIGGER_BUDGET_USD ? TRIGGER_BUDGET_HOURS : kind].name;
}

/* "name:2.5usd" from 1e-10, without zeros at the end. */
static void decimal_text(const char *name, int64_t value, const char *unit, char to[POLICY_TEXT_SIZE])
{
    char digits[POLICY_TEXT_SIZE];
    str_fit(digits, sizeof(digits), "%lld.%010lld", (long long)(value / THETA_PER_ONE),
            (long long)(value % THETA_PER_ONE));
    size_t len = strlen(digits);
    while (digits[len - 1] == '0')
        digits[--len] = '\0';
    if (digits[len - 1] == '.')
        digits[--len] = '\0';
    str_fit(to, POLICY_TEXT_SIZE, "%s:%s%s", name, digits, unit);
}

const char *policy_trigger_text(struct trigger t, char to[POLICY_TEXT_SIZE])
{
    const char *name = trigger_name(t.kind);
    switch (t.kind) {
    case TRIGGER_EVERY:
    case TRIGGER_IDLE:
    case TRIGGER_MDP:
        str_fit(to, POLICY_TEXT_SIZE, "%s", name);
        break;
    case TRIGGER_AREA:
    case TRIGGER_SQRT:
    case TRIGGER_PREDICT:
    case TRIGGER_BUDGET_USD:
        decimal_text(name, t.arg, t.kind == TRIGGER_BUDGET_USD ? "usd" : "", to);
        break;
    case TRIGGER_BUDGET_HOURS:
        decimal_text(name, (int64_t)num_div_half_even((int128)t.arg * THETA_PER_ONE, 3600), "h", to);
        break;
    default:
        str_fit(to, POLICY_TEXT_SIZE, "%s:%lld", name, (long long)t.arg);
    }
    return to;
}

const char *policy_keep_text(struct keep k, char to[POLICY_TEXT_SIZE])
{
    if (k.kind == KEEP_IDLE)
        str_fit(to, POLICY_TEXT_SIZE, "idle:%lld", (long long)k.idle_s);
    else
        str_fit(to, POLICY_TEXT_SIZE, "%s", keep_words[k.kind].name);
    return to;
}

int policy_check(const struct policy *policy, const struct terms *t, struct err *err)
{
    if (policy->keep.kind == KEEP_HOUR && t->regime == REGIME_SECOND)
        return err_set(err, EXIT_INPUT,
                       "--keep hour belongs to the hourly regime; by the second no paid hour is left over: use "
                       "--keep terminate, idle:S or rent, or ask for --regime hourly");
    if (policy->keep.kind == KEEP_RENT && t->price_per_hour == 0)
        return err_set(err, EXIT_INPUT, "--keep rent compares rent with a launch and needs a --price above 0");
    if (policy->keep.kind == KEEP_RENT) {
        int128 tail_s = num_div_ceil((int128)t->launch_cost * 3600, t->price_per_hour) + t->boot_s;
        if (tail_s > POLICY_DURATION_MAX)
            return err_set(err, EXIT_INPUT,
                           "--keep rent would keep the instance for more than ten years; is "
                           "--launch-usd meant to be so much?");
    }
    bool needs_delay_price = policy->trigger.kind >= TRIGGER_SQRT && policy->trigger.kind <= TRIGGER_MDP;
    if (needs_delay_price && t->delay_price_per_commit_hour == 0) {
        char text[POLICY_TEXT_SIZE];
        return err_set(err, EXIT_INPUT, "--trigger %s weighs waiting against money and needs a --delay-price above 0",
                       policy_trigger_text(policy->trigger, text));
    }
    int64_t hold_s = t->prepare_s + t->boot_s + t->bake_s + t->rollout_s;
    if (policy->trigger.kind == TRIGGER_MDP && hold_s > POLICY_MDP_HOLD_MAX)
        return err_set(err, EXIT_INPUT, "--trigger mdp plans deployments of at most 64 hours");
    bool costs = t->price_per_hour > 0 || t->per_deploy > 0;
    if (policy->trigger.kind == TRIGGER_AREA && policy->trigger.arg > 0 && costs && t->delay_price_per_commit_hour == 0)
        return err_set(err, EXIT_INPUT,
                       "--trigger area waits until waiting has cost enough; with no --delay-price that never happens");
    return 0;
}

struct decider policy_decider(const struct policy *policy, const struct terms *terms)
{
    struct decider d = {.policy = *policy, .terms = *terms, .meter = regime_meter(terms->regime)};
    if (policy->keep.kind == KEEP_IDLE)
        d.tail_s = policy->keep.idle_s;
    else if (policy->keep.kind == KEEP_RENT)
        d.tail_s = (int64_t)num_div_ceil((int128)terms->launch_cost * 3600, terms->price_per_hour) + terms->boot_s;
    struct rental none = {0};
    d.launch_s = policy_marginal_s(&d, &none, 0);
    if (policy->trigger.kind == TRIGGER_AREA) {
        d.launch_wait = policy_area_wait(&d, d.launch_s);
    }
    return d;
}

int128 policy_area_wait(const struct decider *d, int64_t marginal_s)
{
    const struct terms *t = &d->terms;
    int128 money_hours = (int128)t->per_deploy * 3600 + (int128)t->price_per_hour * marginal_s;
    if (!money_hours || !d->policy.trigger.arg)
        return 0;
    return num_div_ceil(money_hours * d->policy.trigger.arg, (int128)t->delay_price_per_commit_hour * THETA_PER_ONE);
}

/* The first t >= from at which count * t - arrival_sum reaches what the stretch asks for; may lie behind its end. */
static int128 reach_constant(const struct pending *p, int128 wait, int64_t from)
{
    int128 t = num_div_ceil(wait + p->arrival_sum, p->count);
    return t > from ? t : from;
}

/*
 * In a stretch whose marginal seconds grow with t the exact condition is
 *   w * ONE * (count * t - sum) >= theta * (3600 K + price * (seconds + t - from)),
 * linear in t: rise * t >= goal.
 */
static int128 reach_growing(const struct decider *d, const struct pending *p, const struct area_piece *piece)
{
    const struct terms *t = &d->terms;
    int128 w = (int128)t->delay_price_per_commit_hour * THETA_PER_ONE;
    int128 theta = d->policy.trigger.arg;
    int128 rise = w * p->count - theta * t->price_per_hour;
    /* waiting at `from` minus what is asked for there */
    int128 have;
    bool huge = __builtin_mul_overflow(w, (int128)p->count * piece->from - p->arrival_sum, &have);
    int128 ask = theta * ((int128)t->per_deploy * 3600 + (int128)t->price_per_hour * piece->seconds);
    if (huge || have >= ask)
        return piece->from;
    if (rise <= 0)
        return POLICY_NEVER;
    return piece->from + num_div_ceil(ask - have, rise);
}

static int64_t area_fire_at(const struct decider *d, int64_t from, const struct pending *p, const struct rental *rental)
{
    for (;;) {
        struct area_piece piece = policy_area_piece_by(d, d->meter, rental, from);
        int128 t = piece.slope ? reach_growing(d, p, &piece)
                               : reach_constant(p, policy_area_wait(d, piece.seconds), piece.from);
        if (t <= piece.until)
            return t >= POLICY_NEVER ? POLICY_NEVER : (int64_t)t;
        if (piece.until == POLICY_NEVER)
            return POLICY_NEVER;
        from = piece.until + 1;
    }
}

int64_t policy_fire_at(const struct decider *d, int64_t free_at, const struct pending *p, const struct rental *rental)
{
    assert(p->count > 0);
    int64_t arg = d->policy.trigger.arg;
    int64_t asked = policy_asked_start(d->policy.trigger.kind, arg, p->oldest);
    int64_t ready = free_at > asked ? free_at : asked;
    switch (d->policy.trigger.kind) {
    case TRIGGER_EVERY:
    case TRIGGER_IDLE:
    case TRIGGER_WINDOW:
        return ready;
    case TRIGGER_COUNT:
        return p->count >= arg ? ready : POLICY_NEVER;
    case TRIGGER_TRAIN:
        return (int64_t)num_div_ceil(ready, arg) * arg;
    case TRIGGER_AREA:
        return area_fire_at(d, ready, p, rental);
    default:
        return outlook_fire_at(d, ready, p, rental);
    }
}
