31 events, 3 upgrades, head 94b30753ec6e00e1bc5550c47aa9b61c08a18c06d68c435628b925b4fcc9b531
1 u1 planned -> planned, record began pull
2 u1 began pull -> planned, perform pull
3 u1 done pull -> pulled, record began stop
4 u1 began stop -> pulled, perform stop
5 u1 halted -> halted, rest
6 u1 settled stop -> pulled, record began stop
7 u1 began stop -> pulled, perform stop
8 u1 done stop -> stopped, record began start
9 u1 began start -> stopped, perform start
10 u1 done start -> started, record began verify
11 u1 began verify -> started, perform verify
12 u1 halted -> halted, rest
13 u1 settled verify -> verified, record began tidy
14 u1 began tidy -> verified, perform tidy
15 u1 failed tidy -> verified, rest
16 u2 planned -> planned, record began pull
17 u2 began pull -> planned, perform pull
18 u2 done pull -> pulled, record began stop
19 u2 began stop -> pulled, perform stop
20 u2 halted -> halted, rest
21 u2 retried -> pulled, record began stop
22 u2 began stop -> pulled, perform stop
23 u2 rollbackOrdered -> rollingBack, record began startPrevious
24 u2 began startPrevious -> rollingBack, perform startPrevious
25 u2 done startPrevious -> rollingBack, record began verifyPrevious
26 u2 began verifyPrevious -> rollingBack, perform verifyPrevious
27 u2 done verifyPrevious -> rolledBack, rest
28 u3 planned -> planned, record began pull
29 u3 began pull -> planned, perform pull
30 u3 halted -> halted, rest
31 u3 rollbackOrdered -> rolledBack, rest
