/*
 * budget_escape.h - outside text put into the languages of CI systems, so that it stays text.
 *
 * Each appends to the caller's str. What is no UTF-8 becomes U+FFFD, except in GitHub's commands and URIs, which are
 * bytes.
 */
#ifndef BILLING_BUDGET_ESCAPE_H
#define BILLING_BUDGET_ESCAPE_H

#include "base/str.h"

/* A workflow command's message (% CR LF) or property (and : and ,). Source: actions/toolkit, core/src/command.ts. */
void escape_github(struct str *to, const char *text, bool property);
/* Text or a double-quoted attribute of XML 1.0; characters that XML cannot hold become U+FFFD. */
void escape_xml(struct str *to, const char *text);
/* Inline Markdown, in a table too, on one line: punctuation as character references, which never are markup. */
void escape_markdown(struct str *to, const char *text);
/* A plain text message of SARIF 2.1.0 (3.11), as it goes into JSON: braces doubled, as one alone is a placeholder; no
 * link; control characters as spaces. */
void escape_sarif(struct str *to, const char *text);
/* A path as a relative URI reference (RFC 3986). */
void escape_uri(struct str *to, const char *text);

#endif
