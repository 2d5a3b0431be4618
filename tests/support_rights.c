#include "tests/support_rights.h"

#include <string.h>

void cut_out(void *context, enum permission_role role, cJSON *policy)
{
    struct cut *cut = context;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(policy, "Statement");
    for (cJSON *s = list->child, *next; s && role == cut->role; s = next) {
        next = s->next;
        const char *sid = cJSON_GetObjectItemCaseSensitive(s, "Sid")->valuestring;
        cJSON *actions = cJSON_GetObjectItemCaseSensitive(s, "Action");
        for (cJSON *a = actions->child, *after; a && (!*cut->sid || strcmp(sid, cut->sid) == 0); a = after) {
            after = a->next;
            if (strcmp(a->valuestring, cut->action) != 0)
                continue;
            cut->found = true;
            cJSON_Delete(cJSON_DetachItemViaPointer(actions, a));
        }
        if (!actions->child)
            cJSON_Delete(cJSON_DetachItemViaPointer(list, s));
    }
    if (!list->child) /* IAM takes no policy without a statement */
        cJSON_AddItemToArray(
            list,
            cJSON_Parse("{\"Sid\": \"Nothing\", \"Effect\": \"Deny\", \"Action\": [\"*\"], \"Resource\": \"*\"}"));
}

bool is_listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t here = strcspn(at, " ");
        if (here == len && strncmp(at, word, len) == 0)
            return true;
        at += here;
    }
    return false;
}

int cut_each(const cJSON *policy, enum permission_role role, cut_try *attempt, const void *context)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(policy, "Statement");
    for (const cJSON *s = list->child; s; s = s->next) {
        const cJSON *actions = cJSON_GetObjectItemCaseSensitive(s, "Action");
        for (const cJSON *a = actions->child; a; a = a->next) {
            struct cut cut = {role, cJSON_GetObjectItemCaseSensitive(s, "Sid")->valuestring, a->valuestring, false};
            int code = attempt(context, &cut);
            if (code)
                return code;
        }
    }
    return 0;
}
