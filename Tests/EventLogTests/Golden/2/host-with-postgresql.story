17 events, 1 upgrades, head cb4b05694e144a9297174c9975195485632f826be5461e674f2be2765dd440b5
1 u1 planned -> planned, record began pull
2 u1 began pull -> planned, perform pull
3 u1 done pull -> pulled, record began raiseFence
4 u1 began raiseFence -> pulled, perform raiseFence
5 u1 done raiseFence -> pulled, record began backUp
6 u1 began backUp -> pulled, perform backUp
7 u1 done backUp -> backedUp, record began stop
8 u1 began stop -> backedUp, perform stop
9 u1 done stop -> stopped, record began liftFence
10 u1 began liftFence -> stopped, perform liftFence
11 u1 done liftFence -> stopped, record began start
12 u1 began start -> stopped, perform start
13 u1 done start -> started, record began verify
14 u1 began verify -> started, perform verify
15 u1 done verify -> verified, record began tidy
16 u1 began tidy -> verified, perform tidy
17 u1 done tidy -> verified, rest
