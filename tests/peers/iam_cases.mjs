// Draws policies and requests from a seed, and asks @cloud-copilot/iam-simulate, which nobody here wrote, about each.
// Left out, since the peer reads them in another way: a wildcard in the type of an ARN (AWS's guide calls that invalid),
// ranges of /0, which it never matches, and variables without a value under a negation: it passes over the statement, here
// nothing is equal to them. usage: node iam_cases.mjs CASES SEED CASES_FILE VERDICTS_FILE   (run where the package is installed)
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
const { runSimulation } = createRequire(process.cwd() + "/")("@cloud-copilot/iam-simulate");

const [count, seed, casesFile, verdictsFile] = process.argv.slice(2);
let state = BigInt(seed) * 6364136223846793005n + 1442695040888963407n;
const below = (n) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number((state >> 33n) % BigInt(n));
};
const pick = (list) => list[below(list.length)];
const some = (list, most) => Array.from({ length: 1 + below(most) }, () => pick(list));

const account = "123456789012";
const arn = (type, id) => `arn:aws:ec2:us-east-1:${account}:${type}/${id}`;
const actions = ["ec2:TerminateInstances", "ec2:StopInstances", "ec2:CreateTags", "ec2:DeleteTags", "ec2:RebootInstances"];
const patterns = ["ec2:TerminateInstances", "ec2:*", "ec2:Stop*", "EC2:create?ags", "ec2:DeleteTags", "ec2:*Instances", "*", "s3:*"];
const ids = ["i-1", "i-12", "i-abc"];
const resources = [arn("instance", "*"), arn("instance", "i-1"), arn("instance", "i-?"), arn("instance", "i-1*"), "*",
  "arn:aws:ec2:*:*:instance/*", `arn:aws:ec2:eu-west-1:${account}:instance/*`, arn("volume", "*"), "arn:aws:ec2:us-*:*:instance/i-*",
  arn("instance", "${aws:PrincipalTag/owner}"), arn("instance", "${aws:PrincipalTag/none, 'i-1'}")];
const values = { "aws:ResourceTag/team": ["red", "blue", "Red", "r*"], "aws:RequestTag/team": ["red", "blue"],
  "aws:TagKeys": ["team", "name", "cost"], "ec2:InstanceType": ["t2.micro", "t2.small", "c5.large"],
  "aws:CurrentTime": ["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"], "aws:SourceIp": ["203.0.113.7", "198.51.100.1"],
  "aws:SecureTransport": ["true", "false"], "aws:PrincipalTag/owner": ["i-1", "i-abc"] };
const single = ["aws:ResourceTag/team", "aws:RequestTag/team"];
const strings = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"];
const ifExists = () => (below(3) === 0 ? "IfExists" : "");

function condition() {
  switch (below(8)) {
    case 0: return [pick(strings) + ifExists(), pick(single), some(["red", "blue", "r*", "?ed", "*", "RED", "${aws:PrincipalTag/owner}"], 2)];
    case 1: return [pick(["ForAllValues:", "ForAnyValue:"]) + pick(strings), "aws:TagKeys", some(["team", "name", "t*", "*", "TEAM"], 2)];
    case 2: return ["Null", pick([...single, "aws:TagKeys"]), [pick(["true", "false"])]];
    case 3: return ["Bool" + ifExists(), "aws:SecureTransport", [pick(["true", "false"])]];
    case 4: return [pick(["DateLessThan", "DateGreaterThan", "DateEquals", "DateNotEquals", "DateLessThanEquals"]) + ifExists(), "aws:CurrentTime", [pick(["2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"])]];
    case 5: return [pick(["IpAddress", "NotIpAddress"]) + ifExists(), "aws:SourceIp", some(["203.0.113.0/24", "198.51.100.1/32", "198.0.0.0/7", "10.0.0.0/8"], 2)];
    case 6: return [pick(["ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals"]) + ifExists(), "aws:PrincipalArn", some([`arn:aws:iam::${account}:user/*`, "arn:aws:iam::*:role/*", `arn:aws:iam::${account}:user/twin`], 2)];
    default: return [pick(strings) + ifExists(), "ec2:InstanceType", some(["t2.*", "t2.micro", "c5.large", "*.large"], 2)];
  }
}

function statement() {
  const s = { Effect: below(4) === 0 ? "Deny" : "Allow" };
  s[below(8) === 0 ? "NotAction" : "Action"] = below(2) ? some(patterns, 2) : pick(patterns);
  s[below(8) === 0 ? "NotResource" : "Resource"] = below(2) ? some(resources, 2) : pick(resources);
  for (let n = below(3); n > 0; n--) {
    const [operator, key, list] = condition();
    s.Condition ??= {};
    s.Condition[operator] ??= {};
    s.Condition[operator][key] = list;
  }
  return s;
}

const tagging = (action) => action === "ec2:CreateTags" || action === "ec2:DeleteTags";
const cases = [];
const verdicts = [];
for (let n = 0; n < Number(count); n++) {
  const policy = { Version: "2012-10-17", Statement: Array.from({ length: 1 + below(3) }, statement) };
  const action = pick(actions);
  const resource = arn("instance", pick(ids));
  const keys = { "aws:PrincipalArn": [`arn:aws:iam::${account}:user/twin`] };
  for (const name of Object.keys(values)) {
    if ((name === "aws:TagKeys" || name === "aws:RequestTag/team") && !tagging(action)) continue; // not a key of the others
    if (name === "ec2:InstanceType" && action === "ec2:DeleteTags") continue;
    if (below(2) || name === "aws:PrincipalTag/owner") keys[name] = name === "aws:TagKeys" ? [...new Set(some(values[name], 3))] : [pick(values[name])];
  }
  const contextVariables = Object.fromEntries(Object.entries(keys).map(([k, v]) => [k, k === "aws:TagKeys" ? v : v[0]]));
  const result = await runSimulation({ identityPolicies: [{ name: "p", policy }], serviceControlPolicies: [], resourceControlPolicies: [],
    request: { principal: `arn:aws:iam::${account}:user/twin`, action, resource: { resource, accountId: account }, contextVariables } }, {});
  if (result.resultType === "error" || result.errors || (result.result?.ignoredContextKeys ?? result.ignoredContextKeys ?? []).length) {
    if (process.env.IAM_SHOW) console.log(JSON.stringify(result).slice(0, 300));
    continue; // not a request of AWS's, by the peer's data
  }
  cases.push(JSON.stringify({ policy, action, resource, keys }));
  verdicts.push(result.overallResult ?? result.result?.analysis?.result);
}
writeFileSync(casesFile, cases.join("\n") + "\n");
writeFileSync(verdictsFile, verdicts.join("\n") + "\n");
