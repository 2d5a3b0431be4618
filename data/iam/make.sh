#!/bin/sh
# Makes the documented policies again. usage: data/iam/make.sh PROGRAM [FOLDER]    (FOLDER: where they go, default here)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=${1:?the program}
to=${2:-$here}
iam() {
    "$program" config iam --config "$here/bakehour.json" --account 123456789012 "$@"
}
for role in deployer reader dead-man instance target setup; do
    iam --role "$role" >"$to/$role.json"
done
iam --trust github --subject repo:acme/hello:environment:production >"$to/trust-github.json"
iam --trust gitlab --subject project_path:acme/hello:ref_type:branch:ref:main >"$to/trust-gitlab.json"
iam --trust account --subject arn:aws:iam::123456789012:role/ci >"$to/trust-account.json"
iam --role target --trust account --subject arn:aws:iam::123456789012:role/bakehour-deployer >"$to/trust-target.json"
iam --role dead-man --trust service >"$to/trust-dead-man.json"
iam --role instance --trust service >"$to/trust-instance.json"
