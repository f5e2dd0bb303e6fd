# IO::AIO as a subject of the benches: does one sample for each line on its input, and answers on one line.
#
#   perl peer.pl THREADS
#   in:   WORK DEPTH OPS LATENCY [ARGUMENT in hex ...]     out:  ok SECONDS CPU-SECONDS [P50 P99]
#                                                                wrong WHAT | some error
#
# DEPTH requests are in flight; each callback checks its result and submits the next one in its place.
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);

BEGIN {
    $| = 1;
    eval { require IO::AIO; IO::AIO->import; 1 } or do {
        print "perl cannot load IO::AIO\n";
        exit 1;
    };
}

use constant BLOCK => 4096;
use constant O_DIRECT => 040000;

my $threads = shift or die "usage: perl peer.pl THREADS\n";
IO::AIO::min_parallel $threads;
IO::AIO::max_parallel $threads;
IO::AIO::max_idle $threads;
IO::AIO::idle_timeout 3600;
print "ok\n";

# Shared by the loops below: the numbers of the operations, handed out one after the other.
my ($next, $ops, @laps);

# Times what $start does, which gets the number of a slot and has to submit its first request.
sub timed {
    my ($depth, $start) = @_;
    my ($cpu, $wall) = map clock_gettime($_), CLOCK_PROCESS_CPUTIME_ID, CLOCK_MONOTONIC;
    $start->($_) for 0 .. $depth - 1;
    IO::AIO::flush;
    $wall = clock_gettime(CLOCK_MONOTONIC) - $wall;
    $cpu = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $cpu;
    die "stopped early\n" if $next < $ops;
    return sprintf "ok %.9f %.9f%s", $wall, $cpu, percentiles();
}

sub percentiles {
    return "" if @laps < 2;
    my @times = sort { $a <=> $b } map $laps[$_] - $laps[$_ - 1], 1 .. $#laps;
    return sprintf " %.9f %.9f", map $times[@times * $_ / 100], 50, 99;
}

# A buffer for each slot. O_DIRECT wants them aligned, which mapped memory is and a string is not.
# (aio_read wants a byte more than it reads, hence two pages.)
my @buffers;
sub buffers {
    my ($depth, $aligned) = @_;
    return if @buffers >= $depth;
    @buffers = ();
    for my $slot (0 .. $depth - 1) {
        $buffers[$slot] = "\0" x (2 * BLOCK);
        if ($aligned) { # and the element has to exist
            IO::AIO::mmap($buffers[$slot], 2 * BLOCK, IO::AIO::PROT_READ | IO::AIO::PROT_WRITE,
                IO::AIO::MAP_PRIVATE | IO::AIO::MAP_ANONYMOUS) or die "mmap: $!\n";
        }
    }
}

my (%handles, @paths);

sub handle {
    my ($path, $flags) = @_;
    return $handles{$path} //= do {
        sysopen my $fh, $path, IO::AIO::O_RDONLY | $flags or die "open: $!\n";
        $fh
    };
}

sub work_read {
    my ($depth, $latency, $path, $order, $flags) = @_;
    my $fh = handle($path, $flags // 0);
    buffers($depth, $flags);
    open my $in, "<:raw", $order or die "order: $!\n";
    my @offsets = unpack "Q*", do { local $/; <$in> };
    my @done;
    my $submit = sub {
        my $slot = shift;
        push @laps, clock_gettime(CLOCK_MONOTONIC) if $latency;
        return if $next >= $ops;
        aio_read $fh, $offsets[$next++], BLOCK, $buffers[$slot], 0, $done[$slot];
    };
    for my $slot (0 .. $depth - 1) {
        $done[$slot] = sub {
            $_[0] == BLOCK or die $_[0] < 0 ? "read: $!\n" : "wrong read of $_[0] bytes\n";
            $submit->($slot);
        };
    }
    my $answer = timed($depth, $submit);
    @done = (); # the closures hold one another
    return $answer;
}

sub work_direct { work_read(@_, O_DIRECT) }

# The paths of the tree, in the same order as everybody's.
sub tree {
    my ($root, $shape) = @_;
    return if @paths;
    my ($dirs, $files) = split / /, $shape;
    for my $dir (0 .. $dirs - 1) {
        push @paths, map sprintf("%s/d%04d/f%04d", $root, $dir, $_), 0 .. $files - 1;
    }
}

sub work_stat {
    my ($depth, $latency, @tree) = @_;
    tree(@tree);
    my $done;
    my $submit = sub {
        push @laps, clock_gettime(CLOCK_MONOTONIC) if $latency;
        return if $next >= $ops;
        aio_stat $paths[$next++ % @paths], $done;
    };
    $done = sub {
        $_[0] and die "stat: $!\n";
        -s _ == BLOCK or die "wrong size\n";
        $submit->();
    };
    my $answer = timed($depth, $submit);
    undef $done;
    return $answer;
}

# Open and read as requests. Closing needs no device, and as a request would cost a thread's attention.
sub work_load {
    my ($depth, $latency, @tree) = @_;
    tree(@tree);
    buffers($depth);
    my (@opened, @done, @fh);
    my $submit = sub {
        my $slot = shift;
        push @laps, clock_gettime(CLOCK_MONOTONIC) if $latency;
        return if $next >= $ops;
        aio_open $paths[$next++ % @paths], IO::AIO::O_RDONLY, 0, $opened[$slot];
    };
    for my $slot (0 .. $depth - 1) {
        $opened[$slot] = sub {
            $fh[$slot] = shift or die "open: $!\n";
            aio_read $fh[$slot], 0, BLOCK, $buffers[$slot], 0, $done[$slot];
        };
        $done[$slot] = sub {
            $_[0] == BLOCK or die $_[0] < 0 ? "read: $!\n" : "wrong read of $_[0] bytes\n";
            close $fh[$slot] or die "close: $!\n";
            $submit->($slot);
        };
    }
    my $answer = timed($depth, $submit);
    @opened = @done = ();
    return $answer;
}

# Each slot has a scalar, as a program would that loads many files at once.
sub work_whole {
    my ($depth, $latency, @tree) = @_;
    tree(@tree);
    my (@data, @done);
    my $submit = sub {
        my $slot = shift;
        push @laps, clock_gettime(CLOCK_MONOTONIC) if $latency;
        return if $next >= $ops;
        aio_load $paths[$next++ % @paths], $data[$slot], $done[$slot];
    };
    for my $slot (0 .. $depth - 1) {
        $done[$slot] = sub {
            $_[0] == BLOCK or die $_[0] < 0 ? "load: $!\n" : "wrong load of $_[0] bytes\n";
            $submit->($slot);
        };
    }
    my $answer = timed($depth, $submit);
    @done = ();
    return $answer;
}

sub work_nop {
    my ($depth, $latency) = @_;
    my $submit;
    $submit = sub {
        push @laps, clock_gettime(CLOCK_MONOTONIC) if $latency;
        return if $next >= $ops;
        $next++;
        aio_nop $submit;
    };
    my $answer = timed($depth, $submit);
    undef $submit;
    return $answer;
}

# One operation is a whole tree.
sub work_remove {
    my ($depth, $latency, $root) = @_;
    return timed($depth, sub {
        return if $next >= $ops;
        $next++;
        aio_rmtree $root, sub { $_[0] and die "rmtree: $!\n" };
    });
}

my %works = (
    read => \&work_read, direct => \&work_direct, stat => \&work_stat, load => \&work_load,
    whole => \&work_whole, nop => \&work_nop, remove => \&work_remove,
);

while (my $line = <STDIN>) {
    my ($work, $depth, $latency, @arguments);
    ($work, $depth, $ops, $latency, @arguments) = split " ", $line;
    ($next, @laps) = (0);
    my $answer = eval { $works{$work}->($depth, $latency, map pack("H*", $_), @arguments) } // $@;
    $answer =~ s/\s+/ /g;
    print "$answer\n";
    POSIX::_exit(1) if $answer !~ /^ok/; # requests are still in flight, and their callbacks not to be run
}
