/* Fault rules from outside: read, shown, struck. */
#include <stdlib.h>

#include "base/out.h"
#include "sim/fault.h"
#include "tests/fuzz.h"

const char *const fuzz_seeds[] = {
    "{\"faults\": [{\"action\": \"RunInstances\", \"nth\": 2, \"fault\": \"error\", \"status\": 500}]}",
    "[{\"action\": \"ec2:*\", \"probability\": 0.5, \"fault\": \"http\", \"body\": \"cut\", \"done\": true}]",
    "[{\"action\": \"guest:POST /file/*\", \"match\": \"a\", \"fault\": \"slow\", \"delay_ms\": 10}]",
    "[{\"action\": \"boot\", \"match\": \"ami\", \"fault\": \"storm\"}, {\"fault\": \"skew\", \"skew_s\": -5}]",
    "{\"clear\": true}",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    cJSON *document = json_parse("fuzz", (const char *)data, size, &err);
    if (!document)
        return 0;
    struct fault_set *set = fault_set_new(1, 0);
    if (fault_set_add(set, "fuzz", document, &err) == 0) {
        struct aws_request request;
        aws_request_init(&request, AWS_EC2, "RunInstances");
        aws_param(&request, "ImageId", "ami-1");
        for (int64_t i = 0; i < 3; i++) {
            (void)fault_of_call(set, &request, i * 1000);
            (void)fault_of_guest(set, "POST", "/file/a", "127.0.0.2", i * 1000);
            (void)fault_of_fate(set, FATE_BOOT, "i-1", "ami-1", i * 1000);
            (void)fault_skew_s(set, i * 1000);
        }
        aws_request_release(&request);
        cJSON_Delete(fault_set_json(set));
    }
    fault_set_free(set);
    cJSON_Delete(document);
    return 0;
}
