// Opens the laboratory. EXAMPLES is put in front of this file by widget.py.
new Lab(element, LESSONS.sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id)), server, EXAMPLES);
