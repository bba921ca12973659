"""PROVISIONAL, written by the lead so that the engines can be tried; its builder replaces it."""
from __future__ import annotations
import numpy as np
from keyrota.traffic.arrivals import Poisson, Regular, Replay
def arrival_blocks(arrivals, stream, *, start_ns, end_ns, block=16384):
    if isinstance(arrivals, Replay):
        t=np.array([x for x in arrivals.times_ns if start_ns<=x<end_ns],dtype=np.int64)
        for i in range(0,t.size,block): yield t[i:i+block]
        return
    gap=60e9/arrivals.rate_per_min
    if isinstance(arrivals, Regular):
        n=int((end_ns-start_ns)/gap)+2
        t=start_ns+np.round(np.arange(n)*gap).astype(np.int64)
        t=t[t<end_ns]
        for i in range(0,t.size,block): yield t[i:i+block]
        return
    rng=stream("arrivals"); last=0.0
    while True:
        e=np.cumsum(np.concatenate([[last],rng.standard_exponential(block)]))[1:]
        last=e[-1]
        t=start_ns+(e*gap).astype(np.int64)
        if t[-1]>=end_ns:
            t=t[t<end_ns]
            if t.size: yield t
            return
        yield t
