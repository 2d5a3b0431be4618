/*
 * Any lines as calls to the modelled cloud: "ec2 RunInstances ImageId=...&MinCount=1", "+30" lets 30 s pass, "region
 * eu-west-1" and "account 2" change the caller; a value "$3" is the fourth id that answers have named. Whatever comes:
 * an answer, or an error with a code of one word, a message and a status; invariants hold after each event; a bill can
 * be made.
 */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/catalog.h"
#include "sim/cloud.h"

#define IDS 32

const char *const fuzz_seeds[] = {
    "ec2 RunInstances ImageId=ami-00000000000000001&MinCount=1&MaxCount=2&ClientToken=a&InstanceType=m4.large\n+40\n"
    "ec2 DescribeInstances InstanceId.1=$0&Filter.1.Name=tag:a&Filter.1.Value.1=*\n"
    "ec2 CreateImage InstanceId=$0&Name=one&NoReboot=true&TagSpecification.1.ResourceType=image&"
    "TagSpecification.1.Tag.1.Key=k\n+400\nec2 DescribeImages Owner.1=self&MaxResults=1&NextToken=page-3\n"
    "ec2 TerminateInstances InstanceId.1=$0&InstanceId.2=$1\n+4000\n",
    "ec2 CreateLaunchTemplate LaunchTemplateName=web&LaunchTemplateData.ImageId=ami-00000000000000001\n"
    "autoscaling CreateAutoScalingGroup AutoScalingGroupName=g&MinSize=1&MaxSize=3&DesiredCapacity=2&"
    "LaunchTemplate.LaunchTemplateName=web&AvailabilityZones.member.1=us-east-1a\n+60\n"
    "autoscaling StartInstanceRefresh AutoScalingGroupName=g&Preferences.MinHealthyPercentage=50\n+900\n"
    "autoscaling SetDesiredCapacity AutoScalingGroupName=g&DesiredCapacity=3&HonorCooldown=false\n+60\n"
    "autoscaling DeleteAutoScalingGroup AutoScalingGroupName=g&ForceDelete=true\n+100\n",
    "elasticloadbalancing CreateTargetGroup Name=t&Port=80&Matcher.HttpCode=200-299,404\n"
    "elasticloadbalancing RegisterTargets TargetGroupArn=$0&Targets.member.1.Id=i-1&Targets.member.1.Port=99\n"
    "elasticloadbalancing DescribeTargetHealth TargetGroupArn=$0\nelasticloadbalancing DeleteTargetGroup "
    "TargetGroupArn=$0\n",
    "scheduler CreateSchedule "
    "{\"Name\":\"a\",\"ScheduleExpression\":\"at(2026-01-01T00:10:00)\",\"FlexibleTimeWindow\":"
    "{\"Mode\":\"OFF\"},\"Target\":{\"Arn\":\"arn:aws:scheduler:::aws-sdk:ec2:terminateInstances\",\"RoleArn\":"
    "\"arn:aws:iam::1:role/r\",\"Input\":\"{\\\"InstanceIds\\\":[\\\"i-1\\\"]}\"}}\n+700\nscheduler ListSchedules {}\n",
    "ec2 CreateSecurityGroup GroupName=a&GroupDescription=b\nec2 AuthorizeSecurityGroupIngress "
    "GroupId=$0&IpProtocol=tcp&"
    "FromPort=1&ToPort=2&CidrIp=1.2.3.4/5\nec2 RevokeSecurityGroupIngress GroupName=a&IpPermissions.1.IpProtocol=-1&"
    "IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0\nregion eu-west-1\nec2 CopyImage SourceRegion=us-east-1&"
    "SourceImageId=ami-00000000000000001&Name=cpy&ClientToken=x\naccount 2\nec2 DescribeTags MaxResults=5\n",
    NULL,
};

struct fuzz {
    struct simcloud *cloud;
    struct simcloud_caller caller;
    char account[16], region[32];
    char ids[IDS][128];
    size_t id_count;
};

static void remember(struct fuzz *f, const struct node *node)
{
    static const char *const prefixes[] = {"i-",  "ami-", "snap-",           "vol-",
                                           "sg-", "lt-",  "arn:aws:elastic", "replacevol-"};
    for (size_t p = 0; p < sizeof(prefixes) / sizeof(*prefixes); p++)
        if (strncmp(node->text, prefixes[p], strlen(prefixes[p])) == 0 && f->id_count < IDS &&
            strlen(node->text) < 128) {
            bool known = false;
            for (size_t i = 0; i < f->id_count; i++)
                known = known || strcmp(f->ids[i], node->text) == 0;
            if (!known)
                memcpy(f->ids[f->id_count++], node->text, strlen(node->text) + 1);
        }
    for (const struct node *child = node->child; child; child = child->next)
        remember(f, child);
}

static void check_error(const struct aws_error *error)
{
    assert(error->outcome == AWS_REFUSED && error->http_status >= 400 && error->http_status < 600);
    assert(error->code[0] && !strpbrk(error->code, " \n\t") && error->message[0]);
}

static void add_query(struct fuzz *f, struct aws_request *request, char *query)
{
    while (*query && request->param_count < 200) {
        size_t len = strcspn(query, "&");
        bool last = query[len] == '\0';
        query[len] = '\0';
        char *value = strchr(query, '=');
        if (value) {
            *value++ = '\0';
            int64_t n;
            if (*value == '$' && !num_i64(value + 1, strlen(value + 1), &n) && n >= 0 && n < (int64_t)f->id_count)
                value = f->ids[n];
            aws_param(request, query, value);
        }
        query += last ? len : len + 1;
    }
}

static void one_call(struct fuzz *f, enum aws_service service, char *action)
{
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    char *rest = action + strcspn(action, " ");
    if (*rest)
        *rest++ = '\0';
    aws_request_init(&request, service, action);
    aws_reply_init(&reply);
    if (service == AWS_SCHEDULER)
        request.json = cJSON_Parse(rest);
    else
        add_query(f, &request, rest);
    if (simcloud_call(f->cloud, &f->caller, &request, &reply, &error))
        check_error(&error);
    else if (reply.root)
        remember(f, reply.root);
    else
        assert(reply.json);
    aws_reply_release(&reply);
    aws_request_release(&request);
}

static void one_line(struct fuzz *f, char *line)
{
    static const enum aws_service services[] = {AWS_EC2, AWS_AUTOSCALING, AWS_ELBV2, AWS_SCHEDULER};
    int64_t seconds;
    if (*line == '+' && !num_i64(line + 1, strlen(line + 1), &seconds) && seconds >= 0 && seconds <= 100000)
        simcloud_advance_to(f->cloud, simcloud_now_ms(f->cloud) + seconds * 1000);
    else if (strncmp(line, "region ", 7) == 0 && strlen(line) < 30)
        memcpy(f->region, line + 7, strlen(line + 7) + 1);
    else if (strncmp(line, "account ", 8) == 0)
        f->account[11] = line[8] ? line[8] : '1';
    for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
        const char *name = aws_service_info(services[i])->signing;
        size_t len = strlen(name);
        if (strncmp(line, name, len) == 0 && line[len] == ' ')
            one_call(f, services[i], line + len + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *catalog;
    struct err err;
    if (!catalog && catalog_builtin(&catalog, &err))
        abort();
    struct simcloud_options options = simcloud_options_default();
    options.check = true;
    options.catalog = catalog;
    options.trace_max = 100;
    struct fuzz f = {.cloud = simcloud_new(&options), .account = SIMCLOUD_ACCOUNT, .region = "us-east-1"};
    f.caller = (struct simcloud_caller){f.account, f.region, ""};
    char *text = mem_dup_n((const char *)data, size);
    char *next;
    for (char *line = text; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        one_line(&f, line);
    }
    struct simcloud_bill bill;
    if (!simcloud_bill(f.cloud, NULL, &bill, &err))
        simcloud_bill_release(&bill);
    free(text);
    simcloud_free(f.cloud);
    return 0;
}
