"""Drives the twin with boto3, as any user of AWS would. usage: twin_boto.py URL

Prints "ok WHAT" or "not ok WHAT: why" for each check. Every reply of the Query services is also held against botocore's
own service models: each element must be one that the model knows, each number, time and truth value readable as such,
each member that the model marks as required there.
"""
import datetime
import json
import os
import re
import sys
import time
import urllib.request
import xml.etree.ElementTree as ET

import boto3
import botocore.exceptions
from botocore import xform_name
from botocore.config import Config

URL = sys.argv[1]
BASE = "ami-00000000000000001"
KEYS = dict(endpoint_url=URL, region_name="us-east-1", aws_access_key_id="TWIN",
            aws_secret_access_key="bakehour-twin",
            config=Config(retries={"max_attempts": 0}, parameter_validation=True))
SESSION = boto3.session.Session()
SHAPES = {"checked": 0, "wrong": []}
NEWER = {"sourceInstanceId", "sourceImageId", "sourceImageRegion"}  # than Debian 12's models


# ---- reply shapes ----

def plain(tag):
    return tag.split("}", 1)[-1]


def name_of(shape, member_name, member):
    return member.serialization.get("name", member_name)


def check_scalar(shape, text, path):
    kind = shape.type_name
    if kind in ("integer", "long") and not re.fullmatch(r"-?\d+", text or ""):
        SHAPES["wrong"].append(f"{path}: {text!r} is no {kind}")
    elif kind in ("float", "double"):
        try:
            float(text)
        except (TypeError, ValueError):
            SHAPES["wrong"].append(f"{path}: {text!r} is no {kind}")
    elif kind == "boolean" and text not in ("true", "false"):
        SHAPES["wrong"].append(f"{path}: {text!r} is no boolean")
    elif kind == "timestamp" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text or ""):
        SHAPES["wrong"].append(f"{path}: {text!r} is no timestamp")
    enum = getattr(shape, "enum", [])
    if kind == "string" and enum and text and text not in enum:
        SHAPES["wrong"].append(f"{path}: {text!r} is none of {enum[:6]}")


def check_node(shape, node, path, ec2):
    if shape.type_name == "structure":
        known = {}
        for member_name, member in shape.members.items():
            known[name_of(shape, member_name, member)] = member
            if ec2:
                known.setdefault(member_name[0].lower() + member_name[1:], member)
        seen = set()
        for child in node:
            tag = plain(child.tag)
            seen.add(tag)
            if tag in NEWER and tag not in known:
                continue
            if tag not in known:
                SHAPES["wrong"].append(f"{path}/{tag}: unknown to the model")
            else:
                check_node(known[tag], child, f"{path}/{tag}", ec2)
        for required in shape.required_members:
            if name_of(shape, required, shape.members[required]) not in seen:
                SHAPES["wrong"].append(f"{path}: {required} is missing")
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "item" if ec2 else "member")
        for child in node:
            if plain(child.tag) != item:
                SHAPES["wrong"].append(f"{path}: <{plain(child.tag)}> where <{item}> is wanted")
            check_node(shape.member, child, f"{path}[]", ec2)
    elif shape.type_name != "map":
        check_scalar(shape, node.text, path)


def watch(client):
    ec2 = client.meta.service_model.metadata["protocol"] == "ec2"

    def after(http_response, model, **_):
        if http_response.status_code != 200 or model.output_shape is None:
            return
        SHAPES["checked"] += 1
        root = ET.fromstring(http_response.content)
        node = root
        if not ec2:
            wrapper = model.output_shape.serialization.get("resultWrapper", model.name + "Result")
            node = next((c for c in root if plain(c.tag) == wrapper), None)
            if node is None:
                SHAPES["wrong"].append(f"{model.name}: no <{wrapper}>")
                return
            if not any(plain(c.tag) == "ResponseMetadata" for c in root):
                SHAPES["wrong"].append(f"{model.name}: no <ResponseMetadata>")
        else:
            ids = [c for c in root if plain(c.tag) == "requestId"]
            if len(ids) != 1:
                SHAPES["wrong"].append(f"{model.name}: no <requestId>")
            for c in ids:
                root.remove(c)
        check_node(model.output_shape, node, model.name, ec2)

    client.meta.events.register(f"after-call.{client.meta.service_model.service_id.hyphenize()}", after)
    return client


def client(name, **changes):
    made = SESSION.client(name, **{**KEYS, **changes})
    if made.meta.service_model.metadata["protocol"] in ("ec2", "query"):
        watch(made)
    return made


# ---- checks ----

def report(what, why=None):
    print(f"ok {what}" if why is None else f"not ok {what}: {why}", flush=True)


def check(what, got, wanted):
    report(what, None if got == wanted else f"{got!r}, expected {wanted!r}")


def fails(what, code, call, **parameters):
    try:
        call(**parameters)
        report(what, f"no {code}")
    except botocore.exceptions.ClientError as error:
        check(what, error.response["Error"]["Code"], code)
        return error.response
    return {}


def quick(waiter):
    waiter.config.delay = 0.01
    return waiter


def section(run):
    try:
        run()
    except Exception as error:  # whatever it is, it belongs to this section
        report(run.__name__, f"{type(error).__name__}: {error}")


ec2 = client("ec2")
asg = client("autoscaling")
elb = client("elbv2")
sts = client("sts")
dynamodb = client("dynamodb")
scheduler = client("scheduler")
KEPT = {}


def identities():
    check("sts: who am I", sts.get_caller_identity()["Arn"], "arn:aws:iam::123456789012:user/twin")
    session = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="ci")["Credentials"]
    other = client("sts", aws_access_key_id=session["AccessKeyId"], aws_secret_access_key=session["SecretAccessKey"],
                   aws_session_token=session["SessionToken"])
    check("sts: a session signs", other.get_caller_identity()["Arn"],
          "arn:aws:sts::123456789012:assumed-role/deploy/ci")
    fails("sts: a token that is none", "InvalidIdentityToken", sts.assume_role_with_web_identity,
          RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="ci", WebIdentityToken="not.a.token")
    fails("ec2: a wrong secret", "SignatureDoesNotMatch", client("ec2", aws_secret_access_key="x").describe_instances)
    fails("ec2: an unknown key", "AuthFailure", client("ec2", aws_access_key_id="x").describe_instances)
    fails("dynamodb: an unknown key", "UnrecognizedClientException",
          client("dynamodb", aws_access_key_id="x").list_tables)
    fails("scheduler: a wrong secret", "InvalidSignatureException",
          client("scheduler", aws_secret_access_key="x").list_schedules)


def metadata():
    """boto3 finds its own credentials: instance metadata (IMDSv2), and a container's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED"):
        os.environ.pop(name, None)
    os.environ.update(AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
    for what, variable, value in (
            ("instance metadata", "AWS_EC2_METADATA_SERVICE_ENDPOINT", URL),
            ("container credentials", "AWS_CONTAINER_CREDENTIALS_FULL_URI", URL + "/latest/container-credentials")):
        os.environ[variable] = value
        found = boto3.session.Session().client("sts", endpoint_url=URL, region_name="us-east-1").get_caller_identity()
        check(f"sts: {what}", found["Arn"], "arn:aws:sts::123456789012:assumed-role/bakehour-runner/i-runner")
        del os.environ[variable]


def instances():
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "bakehour:run", "Value": "r-1"}, {"Key": "Name", "Value": "a&<b>"}]}]
    order = dict(ImageId=BASE, MinCount=1, MaxCount=1, InstanceType="t2.micro", TagSpecifications=tags,
                 ClientToken="token-1")
    first = ec2.run_instances(**order)["Instances"][0]
    KEPT["instance"] = first["InstanceId"]
    check("ec2: the same token is the same instance", ec2.run_instances(**order)["Instances"][0]["InstanceId"],
          first["InstanceId"])
    fails("ec2: the same token for something else", "IdempotentParameterMismatch", ec2.run_instances,
          **{**order, "InstanceType": "t2.small"})
    quick(ec2.get_waiter("instance_running")).wait(InstanceIds=[first["InstanceId"]])
    quick(ec2.get_waiter("instance_status_ok")).wait(InstanceIds=[first["InstanceId"]])
    found = ec2.describe_instances(Filters=[{"Name": "tag:bakehour:run", "Values": ["r-1"]}])["Reservations"]
    check("ec2: found by tag", [i["InstanceId"] for r in found for i in r["Instances"]], [first["InstanceId"]])
    check("ec2: tags are escaped", {t["Key"]: t["Value"] for t in found[0]["Instances"][0]["Tags"]}["Name"], "a&<b>")
    many = ec2.run_instances(ImageId=BASE, MinCount=6, MaxCount=6, InstanceType="t2.micro")["Instances"]
    pages = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    check("ec2: pages of instances", sum(len(r["Instances"]) for p in pages for r in p["Reservations"]), 7)
    ids = [i["InstanceId"] for i in many]
    fails("ec2: stopping what is pending", "IncorrectInstanceState", ec2.stop_instances, InstanceIds=ids[:1])
    quick(ec2.get_waiter("instance_running")).wait(InstanceIds=ids)
    ec2.stop_instances(InstanceIds=ids[:1])
    quick(ec2.get_waiter("instance_stopped")).wait(InstanceIds=ids[:1])
    ec2.start_instances(InstanceIds=ids[:1])
    quick(ec2.get_waiter("instance_running")).wait(InstanceIds=ids[:1])
    ec2.reboot_instances(InstanceIds=ids[1:2])
    ec2.create_tags(Resources=ids[:2], Tags=[{"Key": "k", "Value": "v"}])
    check("ec2: tags of two", len(ec2.describe_tags(Filters=[{"Name": "key", "Values": ["k"]}])["Tags"]), 2)
    ec2.delete_tags(Resources=ids[:2], Tags=[{"Key": "k"}])
    ec2.terminate_instances(InstanceIds=ids)
    quick(ec2.get_waiter("instance_terminated")).wait(InstanceIds=ids)
    states = {i["State"]["Name"] for r in ec2.describe_instances(InstanceIds=ids)["Reservations"] for i in r["Instances"]}
    check("ec2: all are gone", states, {"terminated"})
    again = ec2.terminate_instances(InstanceIds=ids)["TerminatingInstances"]
    check("ec2: terminating twice is once", {i["CurrentState"]["Name"] for i in again}, {"terminated"})
    fails("ec2: an instance that is none", "InvalidInstanceID.NotFound", ec2.describe_instances,
          InstanceIds=["i-0123456789abcdef0"])
    fails("ec2: an id that is none", "InvalidInstanceID.Malformed", ec2.describe_instances, InstanceIds=["nonsense"])
    fails("ec2: an image that is none", "InvalidAMIID.NotFound", ec2.run_instances, ImageId="ami-0123456789abcdef0",
          MinCount=1, MaxCount=1, InstanceType="t2.micro")
    fails("ec2: DryRun", "DryRunOperation", ec2.run_instances, DryRun=True, ImageId=BASE, MinCount=1, MaxCount=1,
          InstanceType="t2.micro")


def images():
    made = ec2.create_image(InstanceId=KEPT["instance"], Name="app-1", NoReboot=True)["ImageId"]
    KEPT["image"] = made
    fails("ec2: a name twice", "InvalidAMIName.Duplicate", ec2.create_image, InstanceId=KEPT["instance"], Name="app-1")
    check("ec2: an image takes its time", ec2.describe_images(ImageIds=[made])["Images"][0]["State"], "pending")
    fails("ec2: a pending image launches nothing", "InvalidAMIID.Unavailable", ec2.run_instances, ImageId=made,
          MinCount=1, MaxCount=1, InstanceType="t2.micro")
    quick(ec2.get_waiter("image_available")).wait(ImageIds=[made])
    check("ec2: found by name", [i["ImageId"] for i in ec2.describe_images(
        Owners=["self"], Filters=[{"Name": "name", "Values": ["app-*"]}])["Images"]], [made])
    snapshots = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    fails("ec2: a snapshot in use", "InvalidSnapshot.InUse", ec2.delete_snapshot, SnapshotId=snapshots[0]["SnapshotId"])
    copy = ec2.create_image(InstanceId=KEPT["instance"], Name="app-2", NoReboot=True)["ImageId"]
    quick(ec2.get_waiter("image_available")).wait(ImageIds=[copy])
    ec2.deregister_image(ImageId=copy)
    fails("ec2: an image deregistered", "InvalidAMIID.NotFound", ec2.describe_images, ImageIds=[copy])
    check("ec2: volumes of the instance", len(ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [KEPT["instance"]]}])["Volumes"]), 1)
    ec2.describe_security_groups()
    ec2.describe_subnets()
    ec2.describe_vpcs()
    ec2.describe_availability_zones()
    ec2.describe_regions()


def templates():
    data = {"ImageId": BASE, "InstanceType": "t2.micro"}
    made = ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data, ClientToken="lt-1")
    KEPT["template"] = made["LaunchTemplate"]["LaunchTemplateId"]
    fails("ec2: a template's name twice", "InvalidLaunchTemplateName.AlreadyExistsException",
          ec2.create_launch_template, LaunchTemplateName="web", LaunchTemplateData=data)
    version = ec2.create_launch_template_version(LaunchTemplateName="web", SourceVersion="1",
                                                 LaunchTemplateData={"ImageId": KEPT["image"]})
    check("ec2: a second version", version["LaunchTemplateVersion"]["VersionNumber"], 2)
    shown = ec2.describe_launch_template_versions(LaunchTemplateName="web")["LaunchTemplateVersions"]
    check("ec2: a version keeps what it does not change", {v["VersionNumber"]: v["LaunchTemplateData"]["ImageId"] for v in shown},
          {1: BASE, 2: KEPT["image"]})
    ec2.modify_launch_template(LaunchTemplateName="web", DefaultVersion="2")
    check("ec2: the default", ec2.describe_launch_templates(LaunchTemplateNames=["web"])["LaunchTemplates"][0]
          ["DefaultVersionNumber"], 2)


def groups():
    asg.create_auto_scaling_group(AutoScalingGroupName="web", MinSize=0, MaxSize=6, DesiredCapacity=2,
                                  AvailabilityZones=["us-east-1a", "us-east-1b"],
                                  LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"},
                                  Tags=[{"Key": "bakehour:environment", "Value": "test", "PropagateAtLaunch": True}])
    fails("autoscaling: a name twice", "AlreadyExists", asg.create_auto_scaling_group, AutoScalingGroupName="web",
          MinSize=0, MaxSize=1, AvailabilityZones=["us-east-1a"],
          LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"})
    for _ in range(40):
        group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
        if [i["LifecycleState"] for i in group["Instances"]] == ["InService"] * 2:
            break
    check("autoscaling: two in service", [i["LifecycleState"] for i in group["Instances"]], ["InService"] * 2)
    activities = asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    check("autoscaling: activities", {a["StatusCode"] for a in activities}, {"Successful"})
    asg.update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=5,
                                  LaunchTemplate={"LaunchTemplateName": "web", "Version": "2"})
    asg.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch", "ReplaceUnhealthy"])
    group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
    check("autoscaling: suspended", sorted(p["ProcessName"] for p in group["SuspendedProcesses"]),
          ["Launch", "ReplaceUnhealthy"])
    asg.resume_processes(AutoScalingGroupName="web", ScalingProcesses=["Launch", "ReplaceUnhealthy"])
    asg.attach_instances(AutoScalingGroupName="web", InstanceIds=[KEPT["instance"]])
    group = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
    check("autoscaling: attaching raises the desired count", group["DesiredCapacity"], 3)
    asg.terminate_instance_in_auto_scaling_group(InstanceId=KEPT["instance"], ShouldDecrementDesiredCapacity=True)
    fails("autoscaling: more than the maximum", "ValidationError", asg.set_desired_capacity, AutoScalingGroupName="web",
          DesiredCapacity=50)
    fails("autoscaling: an instance that is none", "ValidationError", asg.terminate_instance_in_auto_scaling_group,
          InstanceId="i-0123456789abcdef0", ShouldDecrementDesiredCapacity=True)
    asg.create_launch_configuration(LaunchConfigurationName="old", ImageId=BASE, InstanceType="t2.micro")
    fails("autoscaling: a configuration twice", "AlreadyExists", asg.create_launch_configuration,
          LaunchConfigurationName="old", ImageId=BASE, InstanceType="t2.micro")
    check("autoscaling: configurations", [c["LaunchConfigurationName"] for p in asg.get_paginator(
        "describe_launch_configurations").paginate() for c in p["LaunchConfigurations"]], ["old"])
    asg.delete_launch_configuration(LaunchConfigurationName="old")
    asg.create_or_update_tags(Tags=[{"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "k", "Value": "v",
                                     "PropagateAtLaunch": False}])
    check("autoscaling: tags", len(asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": ["web"]}])["Tags"]),
          2)
    asg.describe_auto_scaling_instances()


def balancers():
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    target = elb.create_target_group(Name="web", Protocol="HTTP", Port=8080, VpcId=vpc, HealthCheckPath="/")
    arn = target["TargetGroups"][0]["TargetGroupArn"]
    asg.attach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=[arn])
    elb.describe_target_groups(TargetGroupArns=[arn])
    elb.describe_target_health(TargetGroupArn=arn)
    fails("elbv2: a target group that is none", "TargetGroupNotFound", elb.describe_target_health,
          TargetGroupArn=arn.replace("web", "none"))
    asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)


def schedules():
    at = (datetime.datetime.utcnow() + datetime.timedelta(days=30)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    order = dict(Name="dead-man", ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"},
                 Target={"Arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                         "RoleArn": "arn:aws:iam::123456789012:role/x",
                         "Input": json.dumps({"InstanceIds": ["i-0123456789abcdef0"]})})
    made = scheduler.create_schedule(**order)
    check("scheduler: an ARN", made["ScheduleArn"].endswith(":schedule/default/dead-man"), True)
    fails("scheduler: a name twice", "ConflictException", scheduler.create_schedule, **order)
    check("scheduler: shown", scheduler.get_schedule(Name="dead-man")["ScheduleExpression"], at)
    scheduler.update_schedule(**order)
    check("scheduler: listed", [s["Name"] for s in scheduler.list_schedules(NamePrefix="dead")["Schedules"]], ["dead-man"])
    scheduler.delete_schedule(Name="dead-man")
    fails("scheduler: gone", "ResourceNotFoundException", scheduler.get_schedule, Name="dead-man")


def tables():
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    kinds = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}]
    order = dict(TableName="state", KeySchema=keys, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST")
    dynamodb.create_table(**order)
    fails("dynamodb: a table twice", "ResourceInUseException", dynamodb.create_table, **order)
    fails("dynamodb: not active yet", "ResourceNotFoundException", dynamodb.get_item, TableName="state",
          Key={"pk": {"S": "x"}, "sk": {"N": "1"}})
    quick(dynamodb.get_waiter("table_exists")).wait(TableName="state")
    table = SESSION.resource("dynamodb", **KEYS).Table("state")
    table.put_item(Item={"pk": "lease", "sk": 1, "holder": "a", "n": 3})
    fails("dynamodb: a condition that does not hold", "ConditionalCheckFailedException", table.put_item,
          Item={"pk": "lease", "sk": 1}, ConditionExpression="attribute_not_exists(pk)")
    refused = fails("dynamodb: a reserved word", "ValidationException", table.put_item, Item={"pk": "lease", "sk": 1},
                    ConditionExpression="owner = :x", ExpressionAttributeValues={":x": 1})
    check("dynamodb: and which", "reserved keyword: owner" in refused.get("Error", {}).get("Message", ""), True)
    fails("dynamodb: a value that nothing uses", "ValidationException", table.update_item, Key={"pk": "lease", "sk": 1},
          UpdateExpression="SET n = :a", ExpressionAttributeValues={":a": 1, ":b": 2})
    changed = table.update_item(Key={"pk": "lease", "sk": 1},
                                UpdateExpression="SET n = n + :one, #o = if_not_exists(#o, :me) REMOVE holder",
                                ConditionExpression="n < :ten AND (holder IN (:a, :me) OR NOT attribute_exists(x))",
                                ExpressionAttributeNames={"#o": "owner"},
                                ExpressionAttributeValues={":one": 1, ":ten": 10, ":a": "a", ":me": "me"},
                                ReturnValues="ALL_NEW")["Attributes"]
    check("dynamodb: updated", (int(changed["n"]), changed["owner"], "holder" in changed), (4, "me", False))
    with table.batch_writer() as batch:
        for i in range(60):
            batch.put_item(Item={"pk": "log", "sk": i, "text": "x" * i})
    from boto3.dynamodb.conditions import Attr, Key
    query = table.query(KeyConditionExpression=Key("pk").eq("log") & Key("sk").between(3, 7), FilterExpression=Attr("text").size().gt(4))
    check("dynamodb: a query", [int(i["sk"]) for i in query["Items"]], [5, 6, 7])
    pages = dynamodb.get_paginator("query").paginate(
        TableName="state", KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "log"}},
        ScanIndexForward=False, PaginationConfig={"PageSize": 7})
    check("dynamodb: pages, backwards", [int(i["sk"]["N"]) for p in pages for i in p["Items"]], list(range(59, -1, -1)))
    check("dynamodb: a scan", sum(p["Count"] for p in dynamodb.get_paginator("scan").paginate(
        TableName="state", PaginationConfig={"PageSize": 9})), 61)
    refused = fails("dynamodb: a transaction", "TransactionCanceledException", dynamodb.transact_write_items, TransactItems=[
        {"Put": {"TableName": "state", "Item": {"pk": {"S": "q"}, "sk": {"N": "1"}}}},
        {"ConditionCheck": {"TableName": "state", "Key": {"pk": {"S": "z"}, "sk": {"N": "1"}},
                            "ConditionExpression": "attribute_exists(pk)"}}])
    check("dynamodb: its reasons", [r["Code"] for r in refused.get("CancellationReasons", [])],
          ["None", "ConditionalCheckFailed"])
    check("dynamodb: nothing of it was done", "Item" in table.get_item(Key={"pk": "q", "sk": 1}), False)
    dynamodb.update_time_to_live(TableName="state", TimeToLiveSpecification={"AttributeName": "end", "Enabled": True})
    check("dynamodb: time to live", dynamodb.describe_time_to_live(TableName="state")["TimeToLiveDescription"]
          ["TimeToLiveStatus"], "ENABLED")
    dynamodb.update_continuous_backups(TableName="state",
                                       PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    dynamodb.delete_table(TableName="state")
    quick(dynamodb.get_waiter("table_not_exists")).wait(TableName="state")


def made_up(shape, depth=0):
    """Something of the shape that the model would take."""
    kind = shape.type_name
    if kind == "structure":
        return {name: made_up(shape.members[name], depth + 1) for name in shape.required_members}
    if kind == "list":
        return [made_up(shape.member, depth + 1)]
    if kind == "map":
        return {"x": made_up(shape.value, depth + 1)}
    if kind in ("integer", "long", "float", "double"):
        return 1
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return datetime.datetime.utcnow()
    return (getattr(shape, "enum", None) or ["xyz"])[0]


def every_action():
    """Whatever the cloud's table knows and boto3 knows as well: an answer that fits, or a proper refusal."""
    with urllib.request.urlopen(URL + "/_twin/actions") as answer:
        actions = json.load(answer)["actions"]
    clients = {"ec2": ec2, "autoscaling": asg, "elasticloadbalancing": elb, "scheduler": scheduler,
               "servicequotas": client("service-quotas")}
    unknown, bad = [], []
    for action in actions:
        made = clients[action["service"]]
        models = made.meta.service_model
        if action["name"] not in models.operation_names:
            unknown.append(action["name"])
            continue
        model = models.operation_model(action["name"])
        call = getattr(made, xform_name(action["name"]))
        order = made_up(model.input_shape) if model.input_shape else {}
        for parameters in ([order] if action["changes"] else [order, {}] if order else [{}]):
            try:
                call(**parameters)
            except botocore.exceptions.ParamValidationError:
                pass  # boto3 itself takes no such thing
            except botocore.exceptions.ClientError as error:
                code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
                if code in ("InvalidAction", "UnknownOperationException", "InternalFailure", "") or status >= 500:
                    bad.append(f"{action['name']}: {status} {code}")
    check(f"{len(actions) - len(unknown) > 80 and 'more than 80' or len(actions)} actions, each answered", bad, [])


begin = time.time()
for one in (identities, metadata, instances, images, templates, groups, balancers, schedules, tables, every_action):
    section(one)
report(f"{SHAPES['checked'] > 100 and 'more than 100' or SHAPES['checked']} replies fit botocore's models",
       "; ".join(sorted(set(SHAPES["wrong"]))[:12]) or None)
