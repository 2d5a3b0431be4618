#include "sim/policy_save.h"

#include "base/out.h"
#include "scheduler/outlook.h"

static const struct policy *find_mdp(const struct policy_list *list, size_t *count)
{
    const struct policy *found = NULL;
    *count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].trigger.kind == TRIGGER_MDP) {
            found = &list->items[i];
            ++*count;
        }
    return found;
}

int policy_save(const char *path, const struct policy_list *list, const struct scenario *s,
                const struct session *session, struct err *err)
{
    size_t count = 0;
    const struct policy *mdp = find_mdp(list, &count);
    if (count != 1)
        return err_set(err, EXIT_INPUT, "--save-policy writes the table of one --trigger mdp; there %s %zu",
                       count == 1 ? "is" : "are", count);
    struct decider d = policy_decider(mdp, &s->model.terms);
    struct outlook *o = NULL;
    int code = outlook_new(&o, &d, err);
    if (code)
        return code;
    const struct commits *c = &s->commits;
    instant_t last = c->ready_s[c->count - 1];
    outlook_fit_once(o, last);
    outlook_hear(o, c->ready_s, c->count, last);
    struct str text;
    str_init(&text, 0);
    policy_table_save(outlook_table(o), &d, &text);
    code = file_replace(path, text.text, text.len, "--save-policy", err);
    if (!code)
        session_note(session, "written: %s", path);
    str_release(&text);
    outlook_free(o);
    return code;
}
