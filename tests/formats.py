#!/usr/bin/env python3
"""What budget check writes for CI systems, read as those systems read it: nothing of bakehour's own code is used.

    formats.py names FOLDER       makes FOLDER/bakehour.json with odd names of budgets, and FOLDER/names.json
    formats.py check FOLDER       reads FOLDER/{github,summary,markdown,gitlab,junit,sarif} and prints each fault

Sources: actions/runner's ActionCommand (how a log's line becomes a command) and GitHub's limits for a step (10 annotations
of a level, 1,024 KiB of summary); GitLab, "Code Quality report format"; the elements and attributes that Jenkins' xUnit
plugin takes (junit-10); OASIS SARIF 2.1.0 with errata 01, sections 3.11 to 3.52; CommonMark's character references.
SEED=TEXT: other names. SARIF_SCHEMA=FILE: the public schema, where python3-jsonschema is at hand, reads the SARIF too.
"""
import html
import json
import os
import random
import re
import sys
import xml.etree.ElementTree
from urllib.parse import unquote

PIECES = ["\n", "\r\n", "\t", "%", "%0A", "%25", "%3A", "::", "::error::x", "\n::error file=a::x", "##[error]x", "|", "||",
          "<b>", "</failure>", "<!--", "]]>", "&amp;", "&", '"', "'", "`", "```", "**", "_", "[a](http://b)", "](", "{0}",
          "{", "}}", "\\", "\\n", "\x01", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\ufffe", "\uffff", "\U0001f4b0", "é", ":",
          ",", "=", "$(x)", "${{ x }}", "#1", "a", "b c", " "]
STATES = [("over", "1"), ("forecast-over", "10"), ("ok", "100")]  # 6.00 spent lead to 12.40
faults = []


def fault(text):
    faults.append(text)


def want(truth, text):
    if not truth:
        fault(text)


def make_names(folder):
    draw = random.Random(os.environ.get("SEED", "5"))
    names = {}
    while len(names) < 240:
        name = "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 8)))
        if name.strip(" ") and len(name.encode()) <= 256:
            names[name] = STATES[len(names) % 3]
    budgets = [{"name": n, "limit_usd": limit} for n, (_, limit) in names.items()]
    with open(folder + "/budgets.json", "w", encoding="utf-8") as out:
        json.dump(budgets, out)
    with open(folder + "/names.json", "w", encoding="utf-8") as out:
        json.dump([[n, state] for n, (state, _) in names.items()], out)


def unescape_github(text, inside_property):
    pairs = [("%0D", "\r"), ("%0A", "\n")] + ([("%3A", ":"), ("%2C", ",")] if inside_property else [])
    for code, plain in pairs:
        text = text.replace(code, plain)
    return text.replace("%25", "%")


def check_github(text, names):
    """Each line is one command, as the runner would read it; what it says is what was meant."""
    said = {"error": [], "warning": [], "notice": []}
    level_of = {"over": "error", "forecast-over": "warning", "ok": "notice"}
    words = {"over": "over", "forecast-over": "over by forecast", "ok": "ok"}
    for line in re.split("\r\n|\r|\n", text.rstrip("\n")):
        match = re.fullmatch(r"::([a-z]+) title=([^,:]*)::(.*)", line)
        if not match or match[1] not in said:
            fault("github: a line that is no annotation: %r" % line)
            continue
        want(not re.search("%(?!25|0A|0D|3A|2C)", match[2]) and not re.search("%(?!25|0A|0D)", match[3]),
             "github: a bare %% in %r" % line)
        said[match[1]].append((unescape_github(match[2], True), unescape_github(match[3], False)))
    for state, level in level_of.items():
        mine = [n for n, s in names if s == state]
        want(len(said[level]) == min(len(mine), 10), "github: %d of level %s" % (len(said[level]), level))
        for name, (title, message) in list(zip(mine, said[level]))[:9]:
            want(title == "Budget %s is %s" % (name, words[state]), "github: title %r of %r" % (title, name))
            want(message.startswith("%s: %s: 6.00 of " % (name, words[state])), "github: message %r of %r" % (message, name))
        if len(mine) > 10:
            want(said[level][9][1].startswith("%d more" % (len(mine) - 9)), "github: the tenth is %r" % said[level][9][1])


def check_markdown(text, names, what):
    """A table with a row for each budget, of as many cells as it has columns; the name's cell is text and nothing else."""
    rows = [l for l in text.split("\n") if l.startswith("| ") and not l.startswith("| Budget ")]
    want(len(rows) == len(names), "%s: %d rows" % (what, len(rows)))
    for (name, _), row in zip(names, rows):
        cells = row.split("|")
        want(len(cells) == 8 and cells[0] == cells[7] == "", "%s: cells of %r" % (what, row))
        plain = re.sub(r"&#\d+;", "", cells[1])
        want(not re.search(r"[^\w ./\-\u0080-\U0010ffff]", plain) and "_" not in plain, "%s: markup in %r" % (what, row))
        shown = html.unescape(cells[1]).strip(" ")
        meant = re.sub("[\x00-\x1f\x7f]", " ", name).strip(" ")
        want(shown == meant, "%s: %r shows %r" % (what, name, shown))
    want(len(text.encode()) <= 1 << 20, what + ": larger than 1,024 KiB")


def check_gitlab(text, names):
    entries = json.loads(text)
    over = [(n, s) for n, s in names if s != "ok"]
    want(isinstance(entries, list) and len(entries) == len(over), "gitlab: %d entries" % len(entries))
    want(len({e["fingerprint"] for e in entries}) == len(entries), "gitlab: a fingerprint twice")
    for (name, state), e in zip(over, entries):
        want(set(e) == {"description", "check_name", "fingerprint", "severity", "location"}, "gitlab: keys %r" % sorted(e))
        want(e["description"].startswith(name + ": over"), "gitlab: %r" % e["description"])
        want(e["severity"] in ("info", "minor", "major", "critical", "blocker"), "gitlab: severity %r" % e["severity"])
        want((e["severity"] == "critical") == (state == "over"), "gitlab: severity of " + state)
        want(re.fullmatch("[0-9a-f]{64}", e["fingerprint"]), "gitlab: fingerprint %r" % e["fingerprint"])
        path = e["location"]["path"]
        want(path and not path.startswith(("/", "./")) and ".." not in path, "gitlab: path %r" % path)
        want(isinstance(e["location"]["lines"]["begin"], int) and e["location"]["lines"]["begin"] > 0, "gitlab: line")


JUNIT = {  # element: attributes that must be there, others that may, elements that may be inside
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (("name", "tests", "failures", "errors"),
                  ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"),
                  ("testsuite", "properties", "testcase", "system-out", "system-err")),
    "testcase": (("name",), ("time", "classname", "group"), ("skipped", "error", "failure", "system-out", "system-err")),
    "failure": ((), ("type", "message"), ()),
    "system-out": ((), (), ()),
}


def check_junit(text, names):
    root = xml.etree.ElementTree.fromstring(text)
    want(root.tag == "testsuites", "junit: root " + root.tag)
    for e in root.iter():
        if e.tag not in JUNIT:
            fault("junit: element " + e.tag)
            continue
        needed, allowed, inside = JUNIT[e.tag]
        want(set(needed) <= set(e.attrib) <= set(needed) | set(allowed), "junit: attributes of %s: %r" % (e.tag, e.attrib))
        want(all(c.tag in inside for c in e), "junit: elements in " + e.tag)
        want("time" not in e.attrib or re.fullmatch(r"[0-9]{0,3}(\.[0-9]*)?", e.attrib["time"]), "junit: time")
    suite = root[0]
    want(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"]), "junit: timestamp")
    cases = suite.findall("testcase")
    failed = [c for c in cases if c.find("failure") is not None]
    want(int(suite.attrib["tests"]) == len(cases) == len(names), "junit: %d cases" % len(cases))
    want(int(suite.attrib["failures"]) == len(failed), "junit: failures")
    for (name, state), case in zip(names, cases):
        meant = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", name)
        want(case.attrib["name"] == meant + " (USD)", "junit: %r is %r" % (name, case.attrib["name"]))
        want((case.find("failure") is None) == (state == "ok"), "junit: state of %r" % name)
        if state != "ok":
            want(case.find("failure").attrib["message"].startswith(meant + ": over"), "junit: message of %r" % name)


SARIF = {  # object: what must be there, what may (of that which is written); each {property: kind}
    "log": ({"version": "2.1.0", "runs": ["run"]}, {"$schema": str}),
    "run": ({"tool": "tool"}, {"results": ["result"]}),
    "tool": ({"driver": "component"}, {}),
    "component": ({"name": str}, {"version": str, "rules": ["rule"]}),
    "rule": ({"id": str}, {"shortDescription": "text"}),
    "text": ({"text": str}, {}),
    "result": ({"message": "text"}, {"ruleId": str, "ruleIndex": int, "level": {"none", "note", "warning", "error"},
                                     "locations": ["location"], "partialFingerprints": dict}),
    "location": ({}, {"physicalLocation": "physical"}),
    "physical": ({"artifactLocation": "artifact"}, {"region": "region"}),
    "artifact": ({}, {"uri": str}),
    "region": ({}, {"startLine": int}),
}


def check_object(value, kind, where):
    if isinstance(kind, list):
        want(isinstance(value, list), where + ": no array")
        for i, one in enumerate(value):
            check_object(one, kind[0], "%s[%d]" % (where, i))
    elif isinstance(kind, set):
        want(value in kind, "%s: %r" % (where, value))
    elif isinstance(kind, type):
        want(isinstance(value, kind) and not isinstance(value, bool), "%s: %r" % (where, value))
    elif kind not in SARIF:
        want(value == kind, "%s: %r" % (where, value))
    else:
        needed, allowed = SARIF[kind]
        want(isinstance(value, dict) and set(needed) <= set(value) <= set(needed) | set(allowed),
             "%s: %s has %r" % (where, kind, sorted(value)))
        for key, one in value.items():
            check_object(one, {**needed, **allowed}.get(key, object), where + "." + key)


def check_sarif(text, names):
    log = json.loads(text)
    check_object(log, "log", "sarif")
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    over = [(n, s) for n, s in names if s != "ok"]
    want(len(run["results"]) == len(over), "sarif: %d results" % len(run["results"]))
    want(len({r["id"] for r in rules}) == len(rules), "sarif: a rule twice")
    for (name, state), r in zip(over, run["results"]):
        want(rules[r["ruleIndex"]]["id"] == r["ruleId"], "sarif: ruleIndex of %r" % name)
        want((r["level"] == "error") == (state == "over"), "sarif: level of %r" % name)
        message = r["message"]["text"]
        braces = re.sub(r"\{\{|\}\}", "", message)
        want("{" not in braces and "}" not in braces, "sarif: a placeholder in %r" % message)
        want("](" not in message, "sarif: a link in %r" % message)
        want(not re.search("[\x00-\x1f\x7f]", message), "sarif: a control character in %r" % message)
        meant = re.sub("[\x00-\x1f\x7f]", " ", name).replace("](", "] (")
        want(message.replace("{{", "{").replace("}}", "}").startswith(meant + ": over"), "sarif: %r of %r" % (message, name))
        place = r["locations"][0]["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        want(re.fullmatch(r"[A-Za-z0-9._~/-]+(%[0-9A-F]{2}[A-Za-z0-9._~/-]*)*", uri), "sarif: uri %r" % uri)
        want(unquote(uri) == "bakehour.json", "sarif: uri %r" % uri)
        want(place["region"]["startLine"] >= 1, "sarif: line")
        want(all(isinstance(v, str) for v in r["partialFingerprints"].values()), "sarif: fingerprints")
    schema = os.environ.get("SARIF_SCHEMA")
    if schema:
        import jsonschema
        with open(schema, encoding="utf-8") as file:
            for e in jsonschema.Draft4Validator(json.load(file)).iter_errors(log):
                fault("sarif: the public schema: %s" % e.message)


def read(folder, name):
    with open(folder + "/" + name, encoding="utf-8", newline="") as file:
        return file.read()


def main():
    command, folder = sys.argv[1:]
    if command == "names":
        make_names(folder)
        return 0
    names = json.loads(read(folder, "names.json"))
    checks = [("github", check_github), ("gitlab", check_gitlab), ("junit", check_junit), ("sarif", check_sarif),
              ("markdown", lambda t, n: check_markdown(t, n, "markdown")),
              ("summary", lambda t, n: check_markdown(t, n, "summary"))]
    for name, check in checks:
        before = len(faults)
        try:
            check(read(folder, name), names)
        except (ValueError, KeyError, IndexError, TypeError, xml.etree.ElementTree.ParseError) as e:
            fault("%s: cannot be read: %r" % (name, e))
        print(("not ok " if len(faults) > before else "ok ") + name)
    for text in faults[:20]:
        print("# " + text)
    return 1 if faults else 0


sys.exit(main())
