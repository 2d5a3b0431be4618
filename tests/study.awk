# study.awk - the tables of docs/study.md, from the rows of study_policies. usage: awk -f study.awk ROWS WORST
#
# ROWS: group name regime price commits-before commits-after idle window area area-tuned sqrt random predict mdp limit
#       ns fit-seconds
BEGIN {
    FS = "\t"
    split("idle,best window,area:1,area tuned,sqrt:0.5,random,predict,mdp,limit of the model", column, ",")
    columns = 9
    split("0.05,0.2,1,5", price, ",")
    split("hourly,second", regime, ",")
    title["made"] = "Shipped and generated histories"
    title["logs"] = "Whole histories (repositories; and all deployments of one company)"
    title["apps"] = "One company's deployments to production, application by application"
    split("logs,apps,made", group, ",")
}
FILENAME == ARGV[1] {
    take($1)
    if ($1 != "made") take("real")
    commits[$1, $2] = $6
    if ($16 + 0 > slowest) slowest = $16 + 0
    if ($17 + 0 > longest) longest = $17 + 0
    over = $14 / $7
    if (over > worst_idle) { worst_idle = over; worst_idle_at = $2 ", " ($3 == "hourly" ? "by the hour" : "by the second") ", w/c = " $4 }
    decisions_in_second_half++
    next
}
{ bad[++bads] = $0 }

function take(g,   key, n, c) {
    key = g SUBSEP $3 SUBSEP $4
    n = ++rows[key]
    name[key, n] = $2
    for (c = 1; c <= columns; c++) value[key, n, c] = $(6 + c)
    if (!((g, $2) in seen)) { seen[g, $2] = 1; histories[g]++ }
}
function median(key, c,   n, i, j, v, t) {
    n = rows[key]
    for (i = 1; i <= n; i++) v[i] = value[key, i, c]
    for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function medians(g, r,   p, c, key, line) {
    printf "\n| w/c |"
    for (c = 1; c <= columns; c++) printf " %s |", column[c]
    printf "\n|---|"
    for (c = 1; c <= columns; c++) printf "---|"
    printf "\n"
    for (p = 1; p <= 4; p++) {
        key = g SUBSEP r SUBSEP price[p]
        if (!rows[key]) continue
        printf "| %s |", price[p]
        for (c = 1; c <= columns; c++) printf " %.3f |", median(key, c)
        printf "\n"
    }
}
function each_history(g, r,   p, n, key, most) {
    printf "\n| history | commits |"
    for (p = 1; p <= 4; p++) printf " w/c %s: idle, mdp, limit |", price[p]
    printf "\n|---|---|---|---|---|---|\n"
    most = rows[g SUBSEP r SUBSEP price[1]]
    for (n = 1; n <= most; n++) {
        printf "| %s | %d |", name[g SUBSEP r SUBSEP price[1], n], commits[g, name[g SUBSEP r SUBSEP price[1], n]]
        for (p = 1; p <= 4; p++) {
            key = g SUBSEP r SUBSEP price[p]
            printf " %.3f, %.3f, %.3f |", value[key, n, 1], value[key, n, 8], value[key, n, 9]
        }
        printf "\n"
    }
}
function list_above(g, r,   p, key, n, over, line, i, order, m) {
    for (n = 1; n <= rows[g SUBSEP r SUBSEP price[1]]; n++) {
        line = ""
        for (p = 1; p <= 4; p++) {
            key = g SUBSEP r SUBSEP price[p]
            over = value[key, n, 8] - value[key, n, 9]
            if (over > 0.01) line = line sprintf("%s%s +%.3f", line ? ", " : "", price[p], over)
        }
        if (line) printf "- %s: %s\n", name[g SUBSEP r SUBSEP price[1], n], line
    }
}
function above(g, r, p,   key, n, count) {
    key = g SUBSEP r SUBSEP price[p]
    for (n = 1; n <= rows[key]; n++) if (value[key, n, 8] > value[key, n, 9] + 0.01) count++
    return count + 0
}
END {
    for (i = 1; i <= 3; i++) {
        g = group[i]
        if (!histories[g]) continue
        printf "\n## %s: %d\n", title[g], histories[g]
        for (k = 1; k <= 2; k++) {
            r = regime[k]
            printf "\n%s: median of cost / optimum\n", (r == "hourly" ? "By the started hour, bake 15 min, keep `hour`" : "By the second, boot 1 min, bake 15 min, keep `rent`")
            medians(g, r)
            printf "\nMore than 0.01 above the limit of its own model (mdp): "
            for (p = 1; p <= 4; p++) printf "%s%d of %d at w/c %s", (p > 1 ? ", " : ""), above(g, r, p), rows[g SUBSEP r SUBSEP price[p]], price[p]
            printf ".\n"
        }
        printf "\nHistory by history, by the started hour (commits: of the second half):\n"
        each_history(g, "hourly")
    }
    if (histories["apps"]) {
        printf "\n## All real ones, whole and application by application: %d\n", histories["real"]
        printf "\nBy the started hour, as above: median of cost / optimum\n"
        medians("real", "hourly")
        printf "\nMore than 0.01 above the limit of its own model (mdp), w/c and by how much:\n\n"
        list_above("real", "hourly")
    }
    printf "\n## What holds over all of them\n\n"
    printf "- mdp against idle, the worst: %+.1f %% (%s).\n", 100 * (worst_idle - 1), worst_idle_at
    printf "- The slowest mean time of a decision: %d ns; the longest fit and solve: %.2f s of one core.\n", slowest, longest
    printf "\n## The worst that a search finds\n\n"
    printf "| policy | keep | bake, min | w/c | cost / optimum | proven | gaps, min, again and again |\n|---|---|---|---|---|---|---|\n"
    for (i = 1; i <= bads; i++) {
        split(bad[i], f, "\t")
        printf "| %s | %s | %s | %s | %s | %s | %s |\n", f[1], f[2], f[3], f[4], f[5], f[6], f[7]
    }
    printf "\n"
}
