8 events, 1 upgrades, head a84f7312eb180bc30b96bce2d13f82bd851149dd97163367b2da515d1c05350c
1 größer planned -> planned, record began pull
2 größer began pull -> planned, perform pull
3 größer done pull -> pulled, record began raiseFence
4 größer began raiseFence -> pulled, perform raiseFence
5 größer done raiseFence -> pulled, record began backUp
6 größer rollbackOrdered -> rollingBack, record began liftFence
7 größer began liftFence -> rollingBack, perform liftFence
8 größer done liftFence -> rolledBack, rest
