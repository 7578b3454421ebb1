70 events, 9 upgrades, head 69572683087d78f7d632fce9e0c143543c1a2aa66b47631e3470e9664e3fe101
1 o1 planned -> operating, record began pull
2 o1 began pull -> operating, perform pull
3 o1 done pull -> operated, rest
4 o2 planned -> operating, record began backUp
5 o2 began backUp -> operating, perform backUp
6 o2 done backUp -> operated, rest
7 o3 planned -> operating, record began stop
8 o3 began stop -> operating, perform stop
9 o3 done stop -> operated, rest
10 o4 planned -> operating, record began startPrevious
11 o4 began startPrevious -> operating, perform startPrevious
12 o4 done startPrevious -> operating, record began verifyPrevious
13 o4 began verifyPrevious -> operating, perform verifyPrevious
14 o4 done verifyPrevious -> operated, rest
15 o5 planned -> operating, record began stop
16 o5 began stop -> operating, perform stop
17 o5 done stop -> operating, record began startPrevious
18 o5 began startPrevious -> operating, perform startPrevious
19 o5 done startPrevious -> operating, record began verifyPrevious
20 o5 began verifyPrevious -> operating, perform verifyPrevious
21 o5 done verifyPrevious -> operated, rest
22 o6 planned -> operating, record began stop
23 o6 began stop -> operating, perform stop
24 o6 done stop -> operating, record began saveData
25 o6 began saveData -> operating, perform saveData
26 o6 done saveData -> operating, record began loadDump
27 o6 began loadDump -> operating, perform loadDump
28 o6 done loadDump -> operating, record began startPrevious
29 o6 began startPrevious -> operating, perform startPrevious
30 o6 done startPrevious -> operating, record began verifyPrevious
31 o6 began verifyPrevious -> operating, perform verifyPrevious
32 o6 done verifyPrevious -> operated, rest
33 o7 planned -> operating, record began stop
34 o7 began stop -> operating, perform stop
35 o7 done stop -> operating, record began saveData
36 o7 began saveData -> operating, perform saveData
37 o7 done saveData -> operating, record began restoreData
38 o7 began restoreData -> operating, perform restoreData
39 o7 failed restoreData -> rollingBack, record began restoreData
40 o7 began restoreData -> rollingBack, perform restoreData
41 o7 done restoreData -> rollingBack, record began startPrevious
42 o7 began startPrevious -> rollingBack, perform startPrevious
43 o7 done startPrevious -> rollingBack, record began verifyPrevious
44 o7 began verifyPrevious -> rollingBack, perform verifyPrevious
45 o7 done verifyPrevious -> rolledBack, rest
46 o8 planned -> operating, record began backUp
47 o8 began backUp -> operating, perform backUp
48 o8 failed backUp -> failed, rest
49 o9 planned -> operating, record began stop
50 o9 began stop -> operating, perform stop
51 o9 done stop -> operating, record began saveData
52 o9 began saveData -> operating, perform saveData
53 o9 done saveData -> operating, record began loadDump
54 o9 began loadDump -> operating, perform loadDump
55 o9 done loadDump -> operating, record began startPrevious
56 o9 began startPrevious -> operating, perform startPrevious
57 o9 done startPrevious -> operating, record began verifyPrevious
58 o9 began verifyPrevious -> operating, perform verifyPrevious
59 o9 halted -> halted, rest
60 o9 rollbackOrdered -> rollingBack, record began stop
61 o9 began stop -> rollingBack, perform stop
62 o9 done stop -> rollingBack, record began saveData
63 o9 began saveData -> rollingBack, perform saveData
64 o9 done saveData -> rollingBack, record began restoreData
65 o9 began restoreData -> rollingBack, perform restoreData
66 o9 done restoreData -> rollingBack, record began startPrevious
67 o9 began startPrevious -> rollingBack, perform startPrevious
68 o9 done startPrevious -> rollingBack, record began verifyPrevious
69 o9 began verifyPrevious -> rollingBack, perform verifyPrevious
70 o9 done verifyPrevious -> rolledBack, rest
