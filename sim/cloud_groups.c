#include "sim/cloud_private.h"
void sc_group_instance_changed(struct simcloud *cloud, struct sc_instance *i)
{
    (void)cloud;
    (void)i;
}
void sc_targets_instance_changed(struct simcloud *cloud, struct sc_instance *i)
{
    (void)cloud;
    (void)i;
}
void sc_group_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)cloud;
    (void)o;
    (void)which;
}
void sc_refresh_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)cloud;
    (void)o;
    (void)which;
}
void sc_target_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)cloud;
    (void)o;
    (void)which;
}
void sc_schedule_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)cloud;
    (void)o;
    (void)which;
}
