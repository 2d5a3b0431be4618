/*
 * xml.h - an XML document from outside as a tree of wire.h.
 *
 * By expat. Attributes and namespaces are dropped, names lose their prefix; an element has children or text. What AWS
 * never sends is refused: a document type (and with it every entity that could be a bomb), more than XML_DEPTH_MAX
 * levels, more than XML_NODES_MAX elements, more than XML_BYTES_MAX bytes.
 * Ownership: the tree lives in the arena. Errors: EXIT_FAILED with line and column. Cost: one pass.
 */
#ifndef SCHEDULER_AWS_XML_H
#define SCHEDULER_AWS_XML_H

#include "base/arena.h"
#include "base/err.h"
#include "scheduler/wire.h"

#define XML_DEPTH_MAX 64
#define XML_NODES_MAX 2000000
#define XML_BYTES_MAX ((size_t)64 << 20)

int xml_parse(struct arena *arena, const char *text, size_t len, struct node **out, struct err *err) MUST_USE;

#endif
