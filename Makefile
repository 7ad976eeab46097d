# placeholder; written by the house work
