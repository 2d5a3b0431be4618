/* The trace, and everything there is, as JSON. */
#include "sim/cloud_private.h"

uint64_t simcloud_trace_hash(const struct simcloud *cloud)
{
    return cloud->trace_hash;
}

uint64_t simcloud_trace_count(const struct simcloud *cloud)
{
    return cloud->trace_count;
}
