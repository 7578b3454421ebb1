31 events, 1 upgrades, head aed796389151ccdff416230a88c701b5b1dc3f69874e39ad865b37dc61cf4d77
1 u1 planned -> planned, record began pull
2 u1 began pull -> planned, perform pull
3 u1 attemptFailed pull -> planned, perform pull
4 u1 done pull -> pulled, record began raiseFence
5 u1 began raiseFence -> pulled, perform raiseFence
6 u1 done raiseFence -> pulled, record began backUp
7 u1 began backUp -> pulled, perform backUp
8 u1 resumed -> pulled, record withdrawn backUp
9 u1 withdrawn backUp -> pulled, record began raiseFence
10 u1 began raiseFence -> pulled, perform raiseFence
11 u1 done raiseFence -> pulled, record began backUp
12 u1 began backUp -> pulled, perform backUp
13 u1 done backUp -> backedUp, record began stop
14 u1 resumed -> backedUp, record began raiseFence
15 u1 began raiseFence -> backedUp, perform raiseFence
16 u1 done raiseFence -> backedUp, record backupInvalidated
17 u1 backupInvalidated -> pulled, record began backUp
18 u1 began backUp -> pulled, perform backUp
19 u1 done backUp -> backedUp, record began stop
20 u1 began stop -> backedUp, perform stop
21 u1 paused -> backedUp, perform stop
22 u1 resumed -> backedUp, perform stop
23 u1 done stop -> stopped, record began liftFence
24 u1 began liftFence -> stopped, perform liftFence
25 u1 done liftFence -> stopped, record began start
26 u1 began start -> stopped, perform start
27 u1 done start -> started, record began verify
28 u1 began verify -> started, perform verify
29 u1 done verify -> verified, record began tidy
30 u1 began tidy -> verified, perform tidy
31 u1 done tidy -> verified, rest
