/* Any bytes as an XML answer: a tree within the caps, or refused with a position; a tree written and read again is the
 * same. */
#include "tests/fuzz.h"

#include <assert.h>
#include <string.h>

#include "scheduler/aws/xml.h"

const char *const fuzz_seeds[] = {
    "<?xml version=\"1.0\"?><Response xmlns=\"http://x/\"><set><item><a>1</a></item></set></Response>",
    "<a:R xmlns:a=\"x\"><a:b>&lt;&#38;</a:b><c/></a:R>",
    "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>",
    "<a><b></a>",
    NULL,
};

static void compare(const struct node *a, const struct node *b, int depth)
{
    for (; a && b; a = a->next, b = b->next) {
        assert(strcmp(a->name, b->name) == 0 && depth <= XML_DEPTH_MAX);
        /* whitespace beside elements is nobody's text; a carriage return alone comes back as one */
        assert(strcmp(a->text, b->text) == 0);
        compare(a->child, b->child, depth + 1);
    }
    assert(!a && !b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct node *root = NULL;
    struct node *again = NULL;
    struct err err = {0};
    if (xml_parse(&arena, (const char *)data, size, &root, &err)) {
        assert(err.code == EXIT_FAILED && strncmp(err.text, "XML", 3) == 0);
    } else {
        struct str text;
        str_init(&text, 0);
        node_xml(root, NULL, &text);
        assert(xml_parse(&arena, text.text, text.len, &again, &err) == 0);
        compare(root, again, 1);
        str_release(&text);
    }
    arena_release(&arena);
    return 0;
}
