#define rand	pan_rand
#define pthread_equal(a,b)	((a)==(b))
#if defined(HAS_CODE) && defined(VERBOSE)
	#ifdef BFS_PAR
		bfs_printf("Pr: %d Tr: %d\n", II, t->forw);
	#else
		cpu_printf("Pr: %d Tr: %d\n", II, t->forw);
	#endif
#endif
	switch (t->forw) {
	default: Uerror("bad forward move");
	case 0:	/* if without executable clauses */
		continue;
	case 1: /* generic 'goto' or 'skip' */
		IfNotBlocked
		_m = 3; goto P999;
	case 2: /* generic 'else' */
		IfNotBlocked
		if (trpt->o_pm&1) continue;
		_m = 3; goto P999;

		 /* PROC P */
	case 3: // STATE 2 - /tmp/spintest/c.pml:3 - [(((faults>0)&&(x==0)))] (12:0:2 - 1)
		IfNotBlocked
		reached[0][2] = 1;
		if (!(((((int)now.faults)>0)&&(((int)now.x)==0))))
			continue;
		/* merge: faults = (faults-1)(12, 3, 12) */
		reached[0][3] = 1;
		(trpt+1)->bup.ovals = grab_ints(2);
		(trpt+1)->bup.ovals[0] = ((int)now.faults);
		now.faults = (((int)now.faults)-1);
#ifdef VAR_RANGES
		logval("faults", ((int)now.faults));
#endif
		;
		/* merge: x = 1(12, 4, 12) */
		reached[0][4] = 1;
		(trpt+1)->bup.ovals[1] = ((int)now.x);
		now.x = 1;
#ifdef VAR_RANGES
		logval("x", ((int)now.x));
#endif
		;
		/* merge: .(goto)(0, 7, 12) */
		reached[0][7] = 1;
		;
		_m = 3; goto P999; /* 3 */
	case 4: // STATE 9 - /tmp/spintest/c.pml:7 - [(((faults>0)&&(x||faults)))] (17:0:1 - 1)
		IfNotBlocked
		reached[0][9] = 1;
		if (!(((((int)now.faults)>0)&&(((int)now.x)||((int)now.faults)))))
			continue;
		/* merge: faults = (faults-1)(0, 10, 17) */
		reached[0][10] = 1;
		(trpt+1)->bup.oval = ((int)now.faults);
		now.faults = (((int)now.faults)-1);
#ifdef VAR_RANGES
		logval("faults", ((int)now.faults));
#endif
		;
		/* merge: .(goto)(0, 13, 17) */
		reached[0][13] = 1;
		;
		_m = 3; goto P999; /* 2 */
	case 5: // STATE 14 - /tmp/spintest/c.pml:10 - [((x==0))] (0:0:0 - 1)
		IfNotBlocked
		reached[0][14] = 1;
		if (!((((int)now.x)==0)))
			continue;
		_m = 3; goto P999; /* 0 */
	case 6: // STATE 19 - /tmp/spintest/c.pml:13 - [-end-] (0:0:0 - 2)
		IfNotBlocked
		reached[0][19] = 1;
		if (!delproc(1, II)) continue;
		_m = 3; goto P999; /* 0 */
	case  _T5:	/* np_ */
		if (!((!(trpt->o_pm&4) && !(trpt->tau&128))))
			continue;
		/* else fall through */
	case  _T2:	/* true */
		_m = 3; goto P999;
#undef rand
	}

