"""Model M1 on SimPy: version 2 (Debian's python3-simpy) or 3 and later. Prints commits a second of CPU time, mean lead time,
deployments a commit.

m1_simpy.py COMMITS SEED
"""
import random
import sys
import time

STEPS = (60.0, 240.0, 300.0, 180.0, 120.0)
BATCH, WAIT, SERVERS, GAP = 8, 1800.0, 3, 300.0


class Totals:
    lead = 0.0
    delivered = 0
    deployments = 0


def account(batch, now):
    Totals.lead += len(batch) * now - sum(batch)
    Totals.delivered += len(batch)
    Totals.deployments += 1


def run_new(simpy, commits, rng):
    env = simpy.Environment()
    servers = simpy.Resource(env, capacity=SERVERS)

    def deploy(batch):
        with servers.request() as turn:
            yield turn
            for step in STEPS:
                yield env.timeout(step * rng.uniform(0.75, 1.25))
        account(batch, env.now)

    def arrivals():
        batch, deadline = [], 0.0
        for _ in range(commits):
            arrives = env.now + rng.expovariate(1 / GAP)
            if batch and deadline < arrives:
                yield env.timeout(deadline - env.now)
                env.process(deploy(batch))
                batch = []
            yield env.timeout(arrives - env.now)
            if not batch:
                deadline = env.now + WAIT
            batch.append(env.now)
            if len(batch) == BATCH:
                env.process(deploy(batch))
                batch = []
        if batch:
            yield env.timeout(deadline - env.now)
            env.process(deploy(batch))

    env.process(arrivals())
    env.run()


def run_old(sim, commits, rng):
    sim.initialize()
    servers = sim.Resource(capacity=SERVERS)

    class Deployment(sim.Process):
        def go(self, batch):
            yield sim.request, self, servers
            for step in STEPS:
                yield sim.hold, self, step * rng.uniform(0.75, 1.25)
            yield sim.release, self, servers
            account(batch, sim.now())

    def start(batch):
        deployment = Deployment()
        sim.activate(deployment, deployment.go(batch))

    class Arrivals(sim.Process):
        def go(self):
            batch, deadline = [], 0.0
            for _ in range(commits):
                arrives = sim.now() + rng.expovariate(1 / GAP)
                if batch and deadline < arrives:
                    yield sim.hold, self, deadline - sim.now()
                    start(batch)
                    batch = []
                yield sim.hold, self, arrives - sim.now()
                if not batch:
                    deadline = sim.now() + WAIT
                batch.append(sim.now())
                if len(batch) == BATCH:
                    start(batch)
                    batch = []
            if batch:
                yield sim.hold, self, deadline - sim.now()
                start(batch)

    first = Arrivals()
    sim.activate(first, first.go())
    sim.simulate(until=float("inf"))


def main():
    commits, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    try:
        import simpy
        version, run = getattr(simpy, "__version__", "3"), lambda: run_new(simpy, commits, rng)
    except ImportError:
        import SimPy
        import SimPy.Simulation as sim
        version, run = getattr(SimPy, "__version__", "2"), lambda: run_old(sim, commits, rng)
    begin = time.process_time()
    run()
    took = time.process_time() - begin
    print("simpy-%s %.0f %.4f %.6f" % (version, commits / took, Totals.lead / Totals.delivered,
                                       Totals.deployments / commits))
    return 0 if Totals.delivered == commits else 1


if __name__ == "__main__":
    sys.exit(main())
