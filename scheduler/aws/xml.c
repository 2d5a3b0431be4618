#include "scheduler/aws/xml.h"

#include <expat.h>
#include <string.h>

struct reader {
    XML_Parser parser;
    struct arena *arena;
    struct node *open[XML_DEPTH_MAX];
    int depth;
    long nodes;
    struct node *root;
    struct str text; /* of the element that was opened last */
    const char *refused;
};

static void refuse(struct reader *r, const char *why)
{
    if (!r->refused)
        r->refused = why;
    XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = context;
    (void)attributes;
    if (r->refused)
        return;
    if (r->depth == XML_DEPTH_MAX || ++r->nodes > XML_NODES_MAX) {
        refuse(r, r->depth == XML_DEPTH_MAX ? "nested too deeply" : "too many elements");
        return;
    }
    const char *colon = strrchr(name, ':');
    const char *own = arena_dup(r->arena, colon && colon[1] ? colon + 1 : name);
    struct node *node = r->depth > 0 ? node_add(r->arena, r->open[r->depth - 1], own) : node_new(r->arena, own);
    if (r->depth == 0)
        r->root = node;
    r->open[r->depth++] = node;
    str_clear(&r->text);
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reader *r = context;
    (void)name;
    if (r->refused)
        return;
    struct node *node = r->open[--r->depth];
    if (!node->child && r->text.len > 0)
        node->text = arena_dup_n(r->arena, r->text.text, r->text.len);
    str_clear(&r->text);
}

static void XMLCALL on_text(void *context, const XML_Char *text, int len)
{
    struct reader *r = context;
    str_add_n(&r->text, text, (size_t)len);
}

static void XMLCALL on_document_type(void *context, const XML_Char *name, const XML_Char *system_id,
                                     const XML_Char *public_id, int has_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    refuse(context, "it declares a document type");
}

int xml_parse(struct arena *arena, const char *text, size_t len, struct node **out, struct err *err)
{
    if (len > XML_BYTES_MAX)
        return err_set(err, EXIT_FAILED, "XML of %zu bytes: more than %zu are not read", len, XML_BYTES_MAX);
    struct reader r = {.arena = arena, .parser = XML_ParserCreate(NULL)};
    if (!r.parser)
        return err_set(err, EXIT_FAILED, "XML: no memory for the parser");
    str_init(&r.text, XML_BYTES_MAX);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_document_type);
    int code = 0;
    if (XML_Parse(r.parser, text, (int)len, 1) == XML_STATUS_ERROR || r.refused)
        code = err_set(err, EXIT_FAILED, "XML, line %lu, column %lu: %s", XML_GetCurrentLineNumber(r.parser),
                       XML_GetCurrentColumnNumber(r.parser) + 1,
                       r.refused ? r.refused : XML_ErrorString(XML_GetErrorCode(r.parser)));
    else
        *out = r.root;
    str_release(&r.text);
    XML_ParserFree(r.parser);
    return code;
}
