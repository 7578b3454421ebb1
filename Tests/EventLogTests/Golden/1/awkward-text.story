8 events, 1 upgrades, head 4dd45866431cf547cf7c9936dc8e824410c339221ce750268d2d01be8374f894
1 größer planned -> planned, record began pull
2 größer began pull -> planned, perform pull
3 größer done pull -> pulled, record began raiseFence
4 größer began raiseFence -> pulled, perform raiseFence
5 größer done raiseFence -> pulled, record began backUp
6 größer rollbackOrdered -> rollingBack, record began liftFence
7 größer began liftFence -> rollingBack, perform liftFence
8 größer done liftFence -> rolledBack, rest
