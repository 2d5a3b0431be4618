# Real runners on one environment against a twin: killed, and stopped past the end of their lease, at random.
# usage: runners.py BAKEHOUR ORIGIN FOLDER RUNNERS COMMITS SEED LEASE_S      (the environment says who and where)
#
# Each runner is a loop of `bakehour deploy --yes` in a clone of its own. While commits arrive, every half second one is
# hit: SIGKILL, or SIGSTOP and SIGCONT a moment or more than the lease later. Then all are let finish. Prints what was
# done as JSON; whoever calls looks at what is left.
import json, os, random, shutil, signal, subprocess, sys, time

bakehour, origin, folder, count, commits, seed, lease_s = sys.argv[1], sys.argv[2], sys.argv[3], *map(int, sys.argv[4:8])
draw = random.Random(seed)
said = {"kills": 0, "stops": 0, "overruns": 0, "looks": 0, "codes": {}}

def commit(number):
    with open(os.path.join(origin, "app.txt"), "w") as out:
        out.write("#!bakehour-app\nbody=commit %d\n" % number)
    subprocess.run(["git", "-C", origin, "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false",
                    "commit", "-q", "-a", "-m", "commit %d" % number], check=True)

class Runner:
    def __init__(self, name):
        self.place = os.path.join(folder, name)
        self.process = None
        self.stopped_until = 0
        self.rests_until = 0

    def begin(self):
        # a fresh machine each time: nothing but the repository, and what is in the table
        shutil.rmtree(self.place, ignore_errors=True)
        subprocess.run(["git", "clone", "-q", origin, self.place], check=True)
        self.log = open(self.place + ".log", "ab")
        self.process = subprocess.Popen([bakehour, "deploy", "--yes", "--speed", "400"], cwd=self.place, stdout=self.log,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        said["looks"] += 1

    def tend(self, now):
        if self.stopped_until and now >= self.stopped_until:
            self.process.send_signal(signal.SIGCONT)
            self.stopped_until = 0
        if self.process and self.process.poll() is not None:
            code = str(self.process.returncode)
            said["codes"][code] = said["codes"].get(code, 0) + 1
            self.process = None
            self.log.close()
            self.rests_until = now + draw.uniform(0.2, 1.0) * max(1, count / 8)
        if not self.process and now >= self.rests_until:
            self.begin()

    def hit(self, now):
        if not self.process or self.stopped_until or self.process.poll() is not None:
            return
        if draw.random() < 0.4:
            said["kills"] += 1
            self.process.kill()
            return
        past = draw.random() < 0.5
        said["stops"] += 1
        said["overruns"] += past
        self.process.send_signal(signal.SIGSTOP)
        self.stopped_until = now + (lease_s + draw.uniform(0.5, 3) if past else draw.uniform(0.1, 1))

    def busy(self):
        with open(self.place + ".log", "rb") as log:
            log.seek(max(0, os.path.getsize(self.place + ".log") - 4000))
            return b"is done" in log.read().split(b"deployment ")[-1]

def completed():
    text = subprocess.run([bakehour, "history", "--csv"], cwd=origin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL).stdout.decode()
    head = subprocess.run(["git", "-C", origin, "rev-parse", "HEAD"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return any(head.strip()[:12] in line and "completed" in line for line in text.splitlines())

runners = [Runner("machine%d" % n) for n in range(count)]
began = time.time()
made, next_commit, next_hit, next_look = 1, began + 3, began + 0.5, began + 1
done = False
while not done or any(r.process for r in runners):
    now = time.time()
    if now - began > 1500:
        said["gave_up"] = True
        for r in runners:
            if r.process:
                r.process.kill()
        break
    calm = made >= commits
    for r in runners:
        if not done or r.process:
            if done and r.process and r.process.poll() is not None:
                r.process = None
            elif r.process or not done:
                r.tend(now)
    was_hit = said["kills"] + said["stops"] > 0 # before the last commit, however slow the machine is
    if made < commits and now >= next_commit and (was_hit or made + 1 < commits):
        commit(made)
        made += 1
        next_commit = now + draw.uniform(3, 6)
    if not calm and now >= next_hit:
        at_work = [r for r in runners if r.process and not r.stopped_until]
        if at_work:
            # the one that deploys is the one to be hit, most of the time
            working = [r for r in at_work if os.path.exists(r.place + ".log") and r.busy()]
            draw.choice(working if working and draw.random() < 0.8 else at_work).hit(now)
        next_hit = now + draw.uniform(0.4, 1.4)
    if calm and now >= next_look:
        done = completed()
        next_look = now + 1
    time.sleep(0.02)
said["seconds"] = round(time.time() - began, 1)
print(json.dumps(said))
