	switch (t->back) {
	default: Uerror("bad return move");
	case  0: goto R999; /* nothing to undo */

		 /* PROC P */

	case 3: // STATE 4
		;
		now.x = trpt->bup.ovals[1];
		now.faults = trpt->bup.ovals[0];
		;
		ungrab_ints(trpt->bup.ovals, 2);
		goto R999;

	case 4: // STATE 10
		;
		now.faults = trpt->bup.oval;
		;
		goto R999;
;
		;
		
	case 6: // STATE 19
		;
		p_restor(II);
		;
		;
		goto R999;
	}

