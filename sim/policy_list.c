#include "sim/policy_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void policy_list_add(struct policy_list *list, struct policy policy)
{
    list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
    list->keep_given = mem_grow(list->keep_given, &list->given_cap, list->count + 1, sizeof(*list->keep_given));
    list->keep_given[list->count] = false;
    list->items[list->count++] = policy;
}

int opt_trigger(void *field, const char *value, struct err *err)
{
    struct policy_list *list = field;
    struct policy policy = {.keep = {KEEP_TERMINATE, 0}};
    int code = policy_parse_trigger(value, &policy.trigger, err);
    if (!code)
        policy_list_add(list, policy);
    return code;
}

int opt_keep(void *field, const char *value, struct err *err)
{
    struct policy_list *list = field;
    struct keep keep;
    int code = policy_parse_keep(value, &keep, err);
    if (code)
        return code;
    if (list->count) {
        list->items[list->count - 1].keep = keep;
        list->keep_given[list->count - 1] = true;
    } else {
        list->first_keep = keep;
        list->keep_before = true;
    }
    return 0;
}

int opt_policy(void *field, const char *value, struct err *err)
{
    struct policy_list *list = field;
    size_t len = strcspn(value, ",+");
    char trigger[POLICY_TEXT_SIZE];
    struct policy policy = {.keep = {KEEP_TERMINATE, 0}};
    if (len >= sizeof(trigger))
        return err_set(err, EXIT_INPUT, "\"%.60s\": write TRIGGER or TRIGGER,KEEP", value);
    memcpy(trigger, value, len);
    trigger[len] = '\0';
    int code = policy_parse_trigger(trigger, &policy.trigger, err);
    if (!code && value[len])
        code = policy_parse_keep(value + len + 1, &policy.keep, err);
    if (!code)
        policy_list_add(list, policy);
    return code;
}

void policy_list_finish(struct policy_list *list)
{
    if (!list->count)
        policy_list_add(list, (struct policy){.trigger = {TRIGGER_EVERY, 0}, .keep = {KEEP_TERMINATE, 0}});
    bool known = list->keep_before;
    struct keep keep = list->first_keep;
    for (size_t i = 0; !known && i < list->count; i++)
        if (list->keep_given[i]) {
            keep = list->items[i].keep;
            known = true;
        }
    if (!known)
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (list->keep_given[i])
            keep = list->items[i].keep;
        else
            list->items[i].keep = keep;
    }
}

void policy_list_release(struct policy_list *list)
{
    free(list->items);
    free(list->keep_given);
    *list = (struct policy_list){0};
}
