"""Checks what the modelled cloud answered against botocore's service models: every element of a reply must be a member
of the action's output shape, and its text of the member's type; every parameter of a request must be in the input shape.

usage: shapes.py REPLIES [ACTIONS]
  REPLIES: lines "service TAB action TAB parameter names TAB xml"      (tests/support_cloud.c writes them)
  ACTIONS: lines "service TAB action TAB first path components"        (the table of actions)
"""
import re
import sys
import xml.etree.ElementTree as tree

import botocore.session

# What Debian 12's botocore (1.29.27) does not know yet.
NEWER_MEMBERS = {"deleteSnapshotResultSet", "imdsSupport", "sourceInstanceId", "MaxHealthyPercentage", "accountLevel",
                 "RollbackDetails", "AutoRollback", "deleteReplacedRootVolume", "imageId"}
NEWER_PARAMETERS = {("DeregisterImage", "DeleteAssociatedSnapshots"), ("DescribeImages", "MaxResults"),
                    ("DescribeImages", "NextToken"), ("CopyImage", "TagSpecification"),
                    ("CancelInstanceRefresh", "WaitForTransitioningInstances"),
                    ("DescribeAutoScalingGroups", "IncludeInstances"), ("ModifyImageAttribute", "ImdsSupport"),
                    ("DescribeLaunchTemplateVersions", "ResolveAlias"), ("DescribeTargetHealth", "Include"),
                    ("CreateLaunchTemplateVersion", "ResolveAlias")}
NEWER_VALUES = {"RollbackInProgress", "RollbackSuccessful", "RollbackFailed"}

session = botocore.session.get_session()
models = {}
problems = set()
seen = {}


def model_of(signing):
    name = {"elasticloadbalancing": "elbv2", "servicequotas": "service-quotas"}.get(signing, signing)
    if name not in models:
        models[name] = session.get_service_model(name)
    return models[name]


def wire_name(member, name):
    return member.serialization.get("name", name)


def request_name(protocol, member, name):
    if protocol != "ec2":
        return member.serialization.get("name", name)
    if "queryName" in member.serialization:
        return member.serialization["queryName"]
    text = member.serialization.get("name", name)
    return text[:1].upper() + text[1:]


SCALARS = {"integer": r"-?\d+", "long": r"-?\d+", "boolean": r"true|false",
           "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "double": r"-?[\d.]+", "float": r"-?[\d.]+"}


def walk(where, element, shape):
    if shape.type_name == "structure":
        members = {wire_name(m, n): m for n, m in shape.members.items()}
        for child in element:
            if child.tag in members:
                walk(where + "/" + child.tag, child, members[child.tag])
            elif child.tag not in NEWER_MEMBERS:
                problems.add(f"{where}/{child.tag}: no member of {shape.name}")
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if child.tag != item:
                problems.add(f"{where}/{child.tag}: items of {shape.name} are called {item}")
            else:
                walk(where + "/" + item, child, shape.member)
    elif shape.type_name in SCALARS:
        if len(element) or not re.fullmatch(SCALARS[shape.type_name], element.text or ""):
            problems.add(f"{where}: '{element.text}' is no {shape.type_name}")
    elif len(element):
        problems.add(f"{where}: a {shape.type_name} has no children")
    elif getattr(shape, "enum", None) and (element.text or "") not in shape.enum and element.text not in NEWER_VALUES:
        problems.add(f"{where}: '{element.text}' is none of {shape.enum}")


def check_reply(service, action, xml):
    model = model_of(service)
    if action not in model.operation_names:
        return
    operation = model.operation_model(action)
    root = tree.fromstring(xml)
    if root.tag != action + "Response":
        problems.add(f"{action}: the root is {root.tag}")
    shape = operation.output_shape
    if model.metadata["protocol"] != "ec2":
        result = root.find(action + "Result")
        if shape is not None and result is None:
            problems.add(f"{action}: no {action}Result")
        root = result if result is not None else root
    if shape is None:
        bad = [child.tag for child in root if child.tag not in NEWER_MEMBERS | {"return", action + "Result"}]
        if bad:
            problems.add(f"{action}: has no output, but {bad}")
        return
    if model.metadata["protocol"] == "ec2":
        for child in list(root):
            if child.tag == "return" and "return" not in {wire_name(m, n) for n, m in shape.members.items()}:
                root.remove(child)
    walk(action, root, shape)


def check_parameters(service, action, names):
    model = model_of(service)
    if action not in model.operation_names:
        return
    shape = model.operation_model(action).input_shape
    protocol = model.metadata["protocol"]
    known = {request_name(protocol, m, n) for n, m in shape.members.items()} if shape else set()
    for name in names.split():
        first = name.split(".")[0]
        if first not in known and (action, first) not in NEWER_PARAMETERS and first != "DryRun":
            problems.add(f"{action}: the parameter {first} is not in the input shape")


def main():
    with open(sys.argv[1], encoding="utf-8") as replies:
        for line in replies:
            service, action, names, xml = line.rstrip("\n").split("\t", 3)
            seen[action] = seen.get(action, 0) + 1
            check_parameters(service, action, names)
            check_reply(service, action, xml)
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as actions:
            for line in actions:
                service, action, names = line.rstrip("\n").split("\t", 2)
                if service != "scheduler":
                    check_parameters(service, action, names)
    for problem in sorted(problems):
        print(problem)
    print(f"{len(seen)} actions, {sum(seen.values())} replies, {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
