27 events, 1 upgrades, head 0fa0d29f3cdc6b9848a019796d43103252d26c99a898f3a99bd6d90280243e94
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
15 u1 failed verify -> rollingBack, record began removeCandidate
16 u1 began removeCandidate -> rollingBack, perform removeCandidate
17 u1 done removeCandidate -> rollingBack, record began saveData
18 u1 began saveData -> rollingBack, perform saveData
19 u1 attemptFailed saveData -> rollingBack, perform saveData
20 u1 resumed -> rollingBack, perform saveData
21 u1 done saveData -> rollingBack, record began restoreData
22 u1 began restoreData -> rollingBack, perform restoreData
23 u1 done restoreData -> rollingBack, record began startPrevious
24 u1 began startPrevious -> rollingBack, perform startPrevious
25 u1 done startPrevious -> rollingBack, record began verifyPrevious
26 u1 began verifyPrevious -> rollingBack, perform verifyPrevious
27 u1 done verifyPrevious -> rolledBack, rest
