"""What a rule of the learning phase asks for goes in; a checkpoint, records of trials, or predictions by fold come out."""
