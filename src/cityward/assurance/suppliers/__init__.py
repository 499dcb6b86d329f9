"""Who supplies the city: what each supplier touches, what it must show for that, and what it did show."""
