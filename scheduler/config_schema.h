/*
 * config_schema.h - the table of all keys of bakehour.json.
 *
 * Static data; offsets are into the struct that the key's object fills. Defaults are JSON texts, read by the reader
 * itself, so that a default is checked like a given value.
 */
#ifndef SCHEDULER_CONFIG_SCHEMA_H
#define SCHEDULER_CONFIG_SCHEMA_H

#include "scheduler/config.h"

enum config_type {
    CONFIG_END,
    CONFIG_TEXT,     /* const char * */
    CONFIG_CHOICE,   /* const char *, one of choices */
    CONFIG_TEXTS,    /* struct config_texts: a list of texts, or one text */
    CONFIG_PAIRS,    /* struct config_pairs: an object of texts */
    CONFIG_BOOL,     /* bool */
    CONFIG_COUNT,    /* int64_t, least .. most */
    CONFIG_DURATION, /* int64_t seconds: "15m", or a number of seconds */
    CONFIG_MILLIS,   /* int64_t milliseconds: "250ms" or a duration */
    CONFIG_MONEY,    /* money_t: "0.013" or a number */
    CONFIG_OBJECT,   /* a struct of its own: keys */
    CONFIG_LIST,     /* of objects: {struct *items; size_t count}, item_size each */
    CONFIG_RAW,      /* const cJSON *: read elsewhere */
};

struct config_key {
    const char *name;
    enum config_type type;
    size_t offset;
    const char *standard; /* the default, as JSON; NULL: nothing */
    const char *doc;
    const char *sample; /* what the starter writes; NULL: the default, commented out */
    bool required;
    int64_t least, most;
    const char *const *choices;
    const struct config_key *keys;
    size_t item_size;
    size_t inherit; /* plus one: offset in struct config of what an environment's object starts from */
};

extern const struct config_key config_schema[];

#endif
