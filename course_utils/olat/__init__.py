"""OpenOlat in, OpenOlat out: reading its downloads, packing a hand-in, writing what it takes back."""
