#include "scheduler/config_schema.h"

#include "billing/ledger.h"

#define AT(type, field) offsetof(struct type, field)

static const char *const orders[] = {"flush", "shutdown", NULL};
static const char *const resets[] = {"auto", "root-volume", "files", NULL};
static const char *const prelaunches[] = {"auto", "always", "never", NULL};
static const char *const addresses[] = {"private", "public", NULL};
static const char *const engines[] = {"attach", "refresh", "step", NULL};
static const char *const canaries[] = {"with-wave", "alone", NULL};
static const char *const replaces[] = {"now", "hour-end", NULL};
static const char *const probes[] = {"auto", "runner", "load-balancer", NULL};
static const char *const templates[] = {"launch-template", "launch-configuration", NULL};
static const char *const backends[] = {"file", "memory", "dynamodb", NULL};
static const char *const regimes[] = {"auto", "hourly", "second", NULL};
static const char *const sink_kinds[] = {"file", "http", "loggly", "newrelic", "slack", NULL};

static const struct config_key repository_keys[] = {
    {"path", CONFIG_TEXT, AT(config_repository, path), "\".\"", "The clone that commits are read from.", NULL, 0, 0, 0,
     NULL, NULL, 0, 0},
    {"branch", CONFIG_TEXT, AT(config_repository, branch), "\"main\"", "The branch that is deployed.", "\"main\"", 0, 0,
     0, NULL, NULL, 0, 0},
    {"remote", CONFIG_TEXT, AT(config_repository, remote), "\"\"",
     "The remote that is fetched before each look; empty: the clone is as it is.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"fetch", CONFIG_BOOL, AT(config_repository, fetch), "true", "Whether to fetch the remote, where one is named.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key build_keys[] = {
    {"test", CONFIG_TEXTS, AT(config_build, test), "[]",
     "The test command, a list of words; one text alone is run by sh -c. Empty: nothing is tested.",
     "[\"make\", \"test\"]", 0, 0, 0, NULL, NULL, 0, 0},
    {"build", CONFIG_TEXTS, AT(config_build, build), NULL, "The build command, in the same two forms.",
     "[\"make\", \"jar\"]", 1, 0, 0, NULL, NULL, 0, 0},
    {"artifact", CONFIG_TEXT, AT(config_build, artifact), NULL,
     "What the build leaves, relative to the checkout; * and ? stand for what changes. Exactly one file must fit.",
     "\"build/*.jar\"", 1, 0, 0, NULL, NULL, 0, 0},
    {"directory", CONFIG_TEXT, AT(config_build, directory), "\".bakehour/work\"",
     "Where commits are checked out, tested and built.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"keep_env", CONFIG_TEXTS, AT(config_build, keep_env), "[]",
     "Environment variables that test and build commands see although they are kept from them: AWS_..., a CI system's "
     "tokens and what sinks name. * and ? stand for what changes.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"test_limit", CONFIG_DURATION, AT(config_build, test_limit_s), "\"30m\"", "Tests that take longer have failed.",
     NULL, 0, 1, 86400, NULL, NULL, 0, 0},
    {"build_limit", CONFIG_DURATION, AT(config_build, build_limit_s), "\"30m\"",
     "A build that takes longer has failed.", NULL, 0, 1, 86400, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key file_keys[] = {
    {"from", CONFIG_TEXT, AT(config_file, from), NULL, "A file, relative to the checkout.", NULL, 1, 0, 0, NULL, NULL,
     0, 0},
    {"to", CONFIG_TEXT, AT(config_file, to), NULL, "Its absolute path in the image.", NULL, 1, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key image_keys[] = {
    {"base", CONFIG_TEXT, AT(config_image, base), NULL, "The prebaked OSv image with REST API and JVM.",
     "\"ami-00000000000000001\"", 1, 0, 0, NULL, NULL, 0, 0},
    {"instance_type", CONFIG_TEXT, AT(config_image, instance_type), "\"t2.micro\"",
     "The type of the bake instance. OSv runs on Xen types; Nitro needs a recent OSv.", "\"t2.micro\"", 0, 0, 0, NULL,
     NULL, 0, 0},
    {"profile", CONFIG_TEXT, AT(config_image, profile), "\"\"",
     "The bake instance's IAM instance profile; empty: none.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"artifact_path", CONFIG_TEXT, AT(config_image, artifact_path), "\"/app.jar\"",
     "Where the artifact goes in the image; its folder must exist there.", "\"/app.jar\"", 0, 0, 0, NULL, NULL, 0, 0},
    {"files", CONFIG_LIST, AT(config_image, files), NULL,
     "Further files, such as agents, each as {\"from\": \"agent.jar\", \"to\": \"/agent.jar\"}.", NULL, 0, 0, 0, NULL,
     file_keys, sizeof(struct config_file), 0},
    {"command_line", CONFIG_TEXT, AT(config_image, command_line), NULL,
     "OSv's boot command line, under 1,024 bytes. {artifact}, {project}, {commit}, {environment} and each variable "
     "stand for their values; with {environment} or {commit} in it an image serves only that one.",
     "\"java.so {jvm} -jar {artifact} {log}\"", 1, 0, 0, NULL, NULL, 0, 0},
    {"variables", CONFIG_PAIRS, AT(config_image, variables), NULL,
     "Names and texts for the command line: JVM options, agents, the address logs go to. No secrets: the command line "
     "is readable on the instance.",
     "{\"jvm\": \"-Xmx512m\", \"log\": \"--log=logs.example.com:514\"}", 0, 0, 0, NULL, NULL, 0, 0},
    {"order", CONFIG_CHOICE, AT(config_image, order), "\"flush\"",
     "How the upload gets safely into the image: flush (wait out the file system's interval, image without reboot; the "
     "instance stays usable) or shutdown (clean unmount, image while stopped; a reuse opens a fresh paid hour).",
     NULL, 0, 0, 0, orders, NULL, 0, 0},
    {"flush_wait", CONFIG_DURATION, AT(config_image, flush_wait_s), "\"12s\"",
     "order flush: the wait, at least 10 s (ZFS writes every 5 s).", NULL, 0, 10, 600, NULL, NULL, 0, 0},
    {"reset", CONFIG_CHOICE, AT(config_image, reset), "\"auto\"",
     "How a kept bake instance is made clean again: root-volume (replaced from the base image), files (what was "
     "uploaded is deleted and verified), auto (the cheaper one for the next bake).",
     NULL, 0, 0, 0, resets, NULL, 0, 0},
    {"prelaunch", CONFIG_CHOICE, AT(config_image, prelaunch), "\"auto\"",
     "Whether the bake instance boots while the build runs: auto weighs the hour that a failing build wastes against "
     "the lead time it saves at policy.delay_price_usd.",
     NULL, 0, 0, 0, prelaunches, NULL, 0, 0},
    {"boot_limit", CONFIG_DURATION, AT(config_image, boot_limit_s), "\"10m\"",
     "A bake instance that has not answered by then has failed.", NULL, 0, 10, 7200, NULL, NULL, 0, 0},
    {"upload_limit", CONFIG_DURATION, AT(config_image, upload_limit_s), "\"10m\"",
     "The longest that one upload may take.", NULL, 0, 1, 7200, NULL, NULL, 0, 0},
    {"image_limit", CONFIG_DURATION, AT(config_image, image_limit_s), "\"30m\"",
     "An image that is not available by then has failed.", NULL, 0, 60, 14400, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key network_keys[] = {
    {"subnet", CONFIG_TEXT, AT(config_network, subnet), "\"\"",
     "Where the bake instance runs; empty: the account's default.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"security_group", CONFIG_TEXT, AT(config_network, security_group), "\"\"",
     "The bake instance's security group; empty: the account's default.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"address", CONFIG_CHOICE, AT(config_network, address), "\"private\"",
     "By which address the runner reaches instances.", NULL, 0, 0, 0, addresses, NULL, 0, 0},
    {"open_port", CONFIG_BOOL, AT(config_network, open_port), "false",
     "Whether to open the OSv port of security_group for the runner's own address while a run works, and close it "
     "again.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"runner_cidr", CONFIG_TEXT, AT(config_network, runner_cidr), "\"\"",
     "open_port: the runner's own address, \"198.51.100.7/32\".", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"runner_cidr_env", CONFIG_TEXT, AT(config_network, runner_cidr_env), "\"\"",
     "open_port: the environment variable that holds it, where each runner has another.", NULL, 0, 0, 0, NULL, NULL, 0,
     0},
    {"runner_cidr_wide", CONFIG_BOOL, AT(config_network, runner_cidr_wide), "false",
     "open_port: whether the address may be a range, such as that of a company's network; never everybody.", NULL, 0, 0,
     0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key signing_keys[] = {
    {"public_key_files", CONFIG_TEXTS, AT(config_signing, public_key_files), "[]",
     "Ed25519 keys in PEM that may have signed an artifact; one that fits is enough. With any of them named, what is "
     "not signed is not deployed.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"signature", CONFIG_TEXT, AT(config_signing, signature), "\"\"",
     "Where the build leaves the signature, relative to the checkout; empty: beside the artifact, with .sig behind its "
     "name.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"private_key_file", CONFIG_TEXT, AT(config_signing, private_key_file), "\"\"",
     "A key to sign with right after the build, where the build itself does not; a file that only you can read.", NULL,
     0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key osv_keys[] = {
    {"port", CONFIG_COUNT, AT(config_osv, port), "8000", "The port of OSv's REST API.", NULL, 0, 1, 65535, NULL, NULL,
     0, 0},
    {"tls", CONFIG_BOOL, AT(config_osv, tls), "false", "Whether it speaks TLS.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"ca_file", CONFIG_TEXT, AT(config_osv, ca_file), "\"\"",
     "tls: the authority that signed the instance's certificate.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"client_cert_file", CONFIG_TEXT, AT(config_osv, client_cert_file), "\"\"",
     "tls: the certificate that the instance asks for.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"client_key_file", CONFIG_TEXT, AT(config_osv, client_key_file), "\"\"",
     "tls: its key, a file that only you can read.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key smoke_keys[] = {
    {"path", CONFIG_TEXT, AT(config_smoke, path), "\"/\"", "What is asked for.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"port", CONFIG_COUNT, AT(config_smoke, port), "8080", "The application's port.", NULL, 0, 1, 65535, NULL, NULL, 0,
     0},
    {"tls", CONFIG_BOOL, AT(config_smoke, tls), "false", "Whether it speaks TLS.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"status", CONFIG_COUNT, AT(config_smoke, status), "200", "The HTTP status it must answer with.", NULL, 0, 100, 599,
     NULL, NULL, 0, 0},
    {"body", CONFIG_TEXT, AT(config_smoke, body), "\"\"",
     "A POSIX extended regular expression that the body must match; empty: any.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"within", CONFIG_MILLIS, AT(config_smoke, within_ms), "\"5s\"", "The slowest answer that is good.", NULL, 0, 1,
     600000, NULL, NULL, 0, 0},
    {"retry", CONFIG_DURATION, AT(config_smoke, retry_s), "\"2m\"",
     "How long an instance may take, once booted, to answer well.", NULL, 0, 0, 3600, NULL, NULL, 0, 0},
    {"uptime", CONFIG_DURATION, AT(config_smoke, uptime_s), "0",
     "OSv must have been up that long: a guest that restarts is no good.", NULL, 0, 0, 3600, NULL, NULL, 0, 0},
    {"version", CONFIG_TEXT, AT(config_smoke, version), "\"\"", "What OSv's version must begin with; empty: any.", NULL,
     0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key policy_keys[] = {
    {"trigger", CONFIG_TEXT, AT(config_policy, trigger_text), "\"idle\"",
     "When to deploy: every, idle, count:N, window:S, train:S, area:THETA; or, learning from the branch's history: "
     "mdp, predict:TRUST, sqrt:KAPPA, random:SEED, budget:HOURSh, budget:AMOUNTusd ('bakehour plan' finds the best).",
     "\"window:15m\"", 0, 0, 0, NULL, NULL, 0, 0},
    {"keep", CONFIG_TEXT, AT(config_policy, keep_text), "\"terminate\"",
     "How long the bake instance is kept: terminate, hour (hourly billing), idle:S, rent.", NULL, 0, 0, 0, NULL, NULL,
     0, 0},
    {"margin", CONFIG_DURATION, AT(config_policy, margin_s), "\"2m\"",
     "A kept instance ends this long before its paid hour does.", NULL, 0, 0, 3599, NULL, NULL, 0, 0},
    {"delay_price_usd", CONFIG_MONEY, AT(config_policy, delay_price), "\"0\"",
     "What an hour of one commit's waiting is worth.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"per_deploy_usd", CONFIG_MONEY, AT(config_policy, per_deploy), "\"0\"",
     "What a deployment costs besides what is metered.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key rollout_keys[] = {
    {"engine", CONFIG_CHOICE, AT(config_rollout, engine), "\"attach\"",
     "attach: new instances are proven outside the group, then attached. refresh: instance refresh with automatic "
     "rollback. step: the desired capacity is stepped, as the original did; needs the dead-man.",
     NULL, 0, 0, 0, engines, NULL, 0, 0},
    {"surge", CONFIG_COUNT, AT(config_rollout, surge), "0",
     "Instances replaced at once; 0: as many as the group's maximum allows. The engine refresh goes by "
     "min_healthy_percent where that is below 100, and takes none then.",
     NULL, 0, 0, 1000, NULL, NULL, 0, 0},
    {"min_healthy_percent", CONFIG_COUNT, AT(config_rollout, min_healthy_percent), "100",
     "The share of the group that stays healthy throughout.", NULL, 0, 0, 100, NULL, NULL, 0, 0},
    {"canary", CONFIG_CHOICE, AT(config_rollout, canary), "\"with-wave\"",
     "with-wave: the canary is the first of the first wave's instances, proven before anything is attached. alone: it "
     "is launched and proven before the others are launched (engine step: it is the first wave).",
     NULL, 0, 0, 0, canaries, NULL, 0, 0},
    {"replace", CONFIG_CHOICE, AT(config_rollout, replace), "\"now\"",
     "hour-end: in the hourly regime each old instance goes just before its paid hour ends (engines attach and step).",
     NULL, 0, 0, 0, replaces, NULL, 0, 0},
    {"replace_limit", CONFIG_DURATION, AT(config_rollout, replace_limit_s), "\"60m\"",
     "hour-end: one whose paid hour ends later than that after the rollout's beginning goes at once.", NULL, 0, 0, 3600,
     NULL, NULL, 0, 0},
    {"probe", CONFIG_CHOICE, AT(config_rollout, probe), "\"auto\"",
     "Who says that an instance is good: the runner's smoke tests, the load balancer's target health, or (auto) both "
     "where the group has a load balancer.",
     NULL, 0, 0, 0, probes, NULL, 0, 0},
    {"drain", CONFIG_DURATION, AT(config_rollout, drain_s), "\"0\"",
     "How long old instances go on serving once they are replaced.", NULL, 0, 0, 3600, NULL, NULL, 0, 0},
    {"grace", CONFIG_DURATION, AT(config_rollout, grace_s), "\"5m\"",
     "How long an attached instance may take to be healthy.", NULL, 0, 0, 7200, NULL, NULL, 0, 0},
    {"boot_limit", CONFIG_DURATION, AT(config_rollout, boot_limit_s), "\"10m\"",
     "An instance that has not answered by then has failed.", NULL, 0, 10, 7200, NULL, NULL, 0, 0},
    {"dead_man", CONFIG_BOOL, AT(config_rollout, dead_man), "true",
     "Whether AWS itself (a one-time EventBridge schedule) ends what lives outside the group when the runner is gone.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"dead_man_role", CONFIG_TEXT, AT(config_rollout, dead_man_role), "\"\"", "The role that the schedule uses.", NULL,
     0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key storm_keys[] = {
    {"attempts", CONFIG_COUNT, AT(config_storm, attempts), "0",
     "Failed launches after which a rollout stops; 0: half the group, rounded up, at least 3, at most 200.", NULL, 0, 0,
     10000, NULL, NULL, 0, 0},
    {"limit_usd", CONFIG_MONEY, AT(config_storm, limit_usd), "\"0\"",
     "What failing instances may cost; 0: no limit of its own.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key retention_keys[] = {
    {"images", CONFIG_COUNT, AT(config_retention, images), "3", "Images kept for rollback in each environment.", NULL,
     0, 1, 1000, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key environment_keys[] = {
    {"name", CONFIG_TEXT, AT(config_environment, name), NULL, "As --env names it.", "\"internal\"", 1, 0, 0, NULL, NULL,
     0, 0},
    {"group", CONFIG_TEXT, AT(config_environment, group), NULL, "Its Auto Scaling group.", "\"hello-internal\"", 1, 0,
     0, NULL, NULL, 0, 0},
    {"template", CONFIG_CHOICE, AT(config_environment, template_kind), "\"launch-template\"",
     "launch-configuration is for old accounts: new ones can make none.", NULL, 0, 0, 0, templates, NULL, 0, 0},
    {"template_name", CONFIG_TEXT, AT(config_environment, template_name), "\"\"",
     "The launch template; empty: the one that the group uses.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"instance_type", CONFIG_TEXT, AT(config_environment, instance_type), "\"\"",
     "Of the group's instances; empty: as its template says.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"region", CONFIG_TEXT, AT(config_environment, region), "\"\"",
     "Empty: the region at the top. Images are copied across.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"kms_key", CONFIG_TEXT, AT(config_environment, kms_key), "\"\"",
     "Its image is a copy encrypted with this KMS key (its ARN), of this environment's region and account; empty: as "
     "it was made.",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"profile", CONFIG_TEXT, AT(config_environment, profile), "\"\"",
     "Another account: the profile of ~/.aws/config to use there.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"variables", CONFIG_PAIRS, AT(config_environment, variables), NULL,
     "Texts for the command line that differ here (an image of its own).", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"smoke", CONFIG_LIST, AT(config_environment, smoke), NULL, "Instead of the smoke tests at the top.", NULL, 0, 0, 0,
     NULL, smoke_keys, sizeof(struct config_smoke), 0},
    {"policy", CONFIG_OBJECT, AT(config_environment, policy), NULL, "What differs from the policy at the top.", NULL, 0,
     0, 0, NULL, policy_keys, 0, AT(config, policy) + 1},
    {"rollout", CONFIG_OBJECT, AT(config_environment, rollout), NULL, "What differs from the rollout at the top.", NULL,
     0, 0, 0, NULL, rollout_keys, 0, AT(config, rollout) + 1},
    {"storm", CONFIG_OBJECT, AT(config_environment, storm), NULL, "What differs from the storm cap at the top.", NULL,
     0, 0, 0, NULL, storm_keys, 0, AT(config, storm) + 1},
    {"retain_images", CONFIG_COUNT, AT(config_environment, retain_images), "0",
     "Instead of retention.images; 0: as there.", NULL, 0, 0, 1000, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key state_keys[] = {
    {"backend", CONFIG_CHOICE, AT(config_state, backend), "\"file\"", "Where journal, leases and deployments are kept.",
     NULL, 0, 0, 0, backends, NULL, 0, 0},
    {"path", CONFIG_TEXT, AT(config_state, path), "\".bakehour/state.db\"", "file: on a local disk.", NULL, 0, 0, 0,
     NULL, NULL, 0, 0},
    {"table", CONFIG_TEXT, AT(config_state, table), "\"bakehour\"", "dynamodb: the table.", NULL, 0, 0, 0, NULL, NULL,
     0, 0},
    {"lease", CONFIG_DURATION, AT(config_state, lease_s), "\"5m\"",
     "How long another run waits for one that died on another machine.", NULL, 0, 120, 3600, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key price_keys[] = {
    {"catalog", CONFIG_TEXT, AT(config_prices, catalog), "\"\"",
     "Prices by type, region and date (CSV); empty: the sample built in.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"regime", CONFIG_CHOICE, AT(config_prices, regime), "\"auto\"",
     "How instance time is billed; auto: as the OS is today.", NULL, 0, 0, 0, regimes, NULL, 0, 0},
    {"os", CONFIG_TEXT, AT(config_prices, os), "\"linux\"", "As which the instances are billed.", NULL, 0, 0, 0, NULL,
     NULL, 0, 0},
    {"instance_usd_per_hour", CONFIG_MONEY, AT(config_prices, instance_per_hour), "\"0\"",
     "The bake instance's price; 0: from the catalog.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"runner_usd_per_minute", CONFIG_MONEY, AT(config_prices, runner_per_minute), "\"0\"",
     "What a CI minute costs (0.006 on GitHub).", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"snapshot_usd_per_gb_month", CONFIG_MONEY, AT(config_prices, snapshot_per_gb_month), "\"0.05\"",
     "What a kept image's snapshot costs.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"transfer_usd_per_gb", CONFIG_MONEY, AT(config_prices, transfer_per_gb), "\"0.02\"",
     "What a GB costs that an image's copy takes to another region.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"image_gb", CONFIG_COUNT, AT(config_prices, image_gb), "2", "GB of changed blocks in an image.", NULL, 0, 0, 65536,
     NULL, NULL, 0, 0},
    {"retained_days", CONFIG_COUNT, AT(config_prices, retained_days), "30",
     "Days that an image is reckoned to be kept.", NULL, 0, 0, 3660, NULL, NULL, 0, 0},
    {"reserved", CONFIG_TEXT, AT(config_prices, reserved), "\"\"",
     "Reservations that pay (CSV of 'bill'): budgets see the ledger settled.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"commitments", CONFIG_TEXT, AT(config_prices, commitments), "\"\"", "Savings Plans that pay (CSV of 'bill').",
     NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"plan_rates", CONFIG_TEXT, AT(config_prices, plan_rates), "\"\"",
     "What Savings Plans pay an hour (CSV of 'bill').", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"free_tier", CONFIG_TEXT, AT(config_prices, free_tier), "\"\"",
     "When an account with free hours was opened (date).", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"unlinked", CONFIG_BOOL, AT(config_prices, unlinked), "false",
     "Whether reservations and plans serve their own account only.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {0},
};

static const struct config_key sink_keys[] = {
    {"kind", CONFIG_CHOICE, AT(config_sink, kind), NULL, "file, http, loggly, newrelic or slack.", NULL, 1, 0, 0,
     sink_kinds, NULL, 0, 0},
    {"path", CONFIG_TEXT, AT(config_sink, path), "\"\"", "file: where the JSON lines go.", NULL, 0, 0, 0, NULL, NULL, 0,
     0},
    {"url", CONFIG_TEXT, AT(config_sink, url), "\"\"", "http, newrelic: the address, when it is no secret.", NULL, 0, 0,
     0, NULL, NULL, 0, 0},
    {"url_env", CONFIG_TEXT, AT(config_sink, url_env), "\"\"",
     "The environment variable that holds the address (Slack's is a secret).", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"token_env", CONFIG_TEXT, AT(config_sink, token_env), "\"\"",
     "The environment variable that holds the token or API key.", NULL, 0, 0, 0, NULL, NULL, 0, 0},
    {"events", CONFIG_TEXTS, AT(config_sink, events), "[]", "Only these kinds of events; empty: all.", NULL, 0, 0, 0,
     NULL, NULL, 0, 0},
    {0},
};

const struct config_key config_schema[] = {
    {"project", CONFIG_TEXT, AT(config, project), NULL, "The name that tags, images and the ledger carry.", "\"hello\"",
     1, 0, 0, NULL, NULL, 0, 0},
    {"region", CONFIG_TEXT, AT(config, region), "\"us-east-1\"", "Where the bake runs.", "\"us-east-1\"", 0, 0, 0, NULL,
     NULL, 0, 0},
    {"repository", CONFIG_OBJECT, AT(config, repository), NULL, "What is deployed.", "", 0, 0, 0, NULL, repository_keys,
     0, 0},
    {"build", CONFIG_OBJECT, AT(config, build), NULL, "How it is tested and built.", "", 1, 0, 0, NULL, build_keys, 0,
     0},
    {"image", CONFIG_OBJECT, AT(config, image), NULL, "How the image is baked.", "", 1, 0, 0, NULL, image_keys, 0, 0},
    {"network", CONFIG_OBJECT, AT(config, network), NULL, "Where the bake instance runs.", NULL, 0, 0, 0, NULL,
     network_keys, 0, 0},
    {"osv", CONFIG_OBJECT, AT(config, osv), NULL, "How OSv's REST API is reached.", NULL, 0, 0, 0, NULL, osv_keys, 0,
     0},
    {"signing", CONFIG_OBJECT, AT(config, signing), NULL, "Whose artifacts are deployed.", NULL, 0, 0, 0, NULL,
     signing_keys, 0, 0},
    {"smoke", CONFIG_LIST, AT(config, smoke), NULL, "What an instance must answer before it takes load.", "", 0, 0, 0,
     NULL, smoke_keys, sizeof(struct config_smoke), 0},
    {"policy", CONFIG_OBJECT, AT(config, policy), NULL, "When to deploy, and how long to keep the bake instance.", "",
     0, 0, 0, NULL, policy_keys, 0, 0},
    {"rollout", CONFIG_OBJECT, AT(config, rollout), NULL, "How a group gets the new image.", NULL, 0, 0, 0, NULL,
     rollout_keys, 0, 0},
    {"storm", CONFIG_OBJECT, AT(config, storm), NULL, "When a failing rollout stops.", NULL, 0, 0, 0, NULL, storm_keys,
     0, 0},
    {"budgets", CONFIG_RAW, AT(config, budgets), NULL, "Limits that 'budget check' and 'deploy' hold to.", NULL, 0, 0,
     0, NULL, NULL, 0, 0},
    {"retention", CONFIG_OBJECT, AT(config, retention), NULL, "What is kept.", NULL, 0, 0, 0, NULL, retention_keys, 0,
     0},
    {"state", CONFIG_OBJECT, AT(config, state), NULL, "What must outlive a run.", NULL, 0, 0, 0, NULL, state_keys, 0,
     0},
    {"ledger", CONFIG_TEXT, AT(config, ledger), "\"" LEDGER_FILE "\"",
     "Where costs are booked: a file, or dynamodb:TABLE, which many runners share; empty: nowhere.", NULL, 0, 0, 0,
     NULL, NULL, 0, 0},
    {"prices", CONFIG_OBJECT, AT(config, prices), NULL, "What estimates and statements rest on.", NULL, 0, 0, 0, NULL,
     price_keys, 0, 0},
    {"sinks", CONFIG_LIST, AT(config, sinks), NULL,
     "Who is told. [{\"kind\": \"slack\", \"url_env\": \"SLACK_WEBHOOK\"}]", NULL, 0, 0, 0, NULL, sink_keys,
     sizeof(struct config_sink), 0},
    {"environments", CONFIG_LIST, AT(config, environments), NULL, "Where it is deployed, in the order of promotion.",
     "", 1, 0, 0, NULL, environment_keys, sizeof(struct config_environment), 0},
    {0},
};
