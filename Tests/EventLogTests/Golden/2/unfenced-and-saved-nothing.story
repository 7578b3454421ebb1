19 events, 1 upgrades, head dc7ccc8313a7cbecf9705387e3c801bff2b4c578f5d5a98d10483082834deee8
1 u1 planned -> planned, record began pull
2 u1 began pull -> planned, perform pull
3 u1 done pull -> pulled, record began backUp
4 u1 began backUp -> pulled, perform backUp
5 u1 done backUp -> backedUp, record began stop
6 u1 began stop -> backedUp, perform stop
7 u1 done stop -> stopped, record began start
8 u1 began start -> stopped, perform start
9 u1 failed start -> rollingBack, record began removeCandidate
10 u1 began removeCandidate -> rollingBack, perform removeCandidate
11 u1 done removeCandidate -> rollingBack, record began saveData
12 u1 began saveData -> rollingBack, perform saveData
13 u1 done saveData -> rollingBack, record began restoreData
14 u1 began restoreData -> rollingBack, perform restoreData
15 u1 done restoreData -> rollingBack, record began startPrevious
16 u1 began startPrevious -> rollingBack, perform startPrevious
17 u1 done startPrevious -> rollingBack, record began verifyPrevious
18 u1 began verifyPrevious -> rollingBack, perform verifyPrevious
19 u1 done verifyPrevious -> rolledBack, rest
